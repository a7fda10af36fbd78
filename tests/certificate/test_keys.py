"""Keys: made once, kept from others, told apart, and never shown."""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from securesystemslib.signer import SSlibKey

from conformance.certificate import keys
from conformance.errors import UsageError

BOTH = pytest.mark.parametrize("ecdsa", [False, True], ids=["ed25519", "ecdsa"])


def _pair(folder: Path, **how: bool) -> tuple[keys.PrivateKey, Path, Path]:
    key = keys.generate(**how)
    private, public = folder / "acme.key.pem", folder / "acme.pub.pem"
    keys.write(key, private, public)
    return key, private, public


@BOTH
def test_what_the_private_half_signs_the_public_half_verifies(tmp_path: Path, ecdsa: bool) -> None:
    """Through the files; no other bytes, no other signature, no other key."""
    key, private, public = _pair(tmp_path, ecdsa=ecdsa)
    signature = keys.load_private(private).sign(b"text")

    assert keys.load_public(public).verifies(signature, b"text")
    assert not keys.load_public(public).verifies(signature, b"texts")
    assert not keys.load_public(public).verifies(signature[:-1], b"text")
    assert not keys.generate(ecdsa=ecdsa).public.verifies(signature, b"text")
    assert not keys.generate(ecdsa=not ecdsa).public.verifies(signature, b"text")
    assert keys.load_public(public).pem == key.public.pem


@BOTH
def test_the_id_is_the_one_that_securesystemslib_computes(ecdsa: bool) -> None:
    """The key id equals that of securesystemslib, so that in-toto's tools find the key."""
    public = keys.generate(ecdsa=ecdsa).public

    assert public.keyid == SSlibKey.from_crypto(public.key).keyid


def test_only_its_owner_can_read_the_private_half(tmp_path: Path) -> None:
    """The private key is readable by its owner only, whatever the umask; the public key by everybody."""
    before = os.umask(0)
    try:
        _, private, public = _pair(tmp_path)
    finally:
        os.umask(before)

    assert private.stat().st_mode & 0o777 == 0o600
    assert public.stat().st_mode & 0o777 == 0o644
    assert private.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert public.read_text().startswith("-----BEGIN PUBLIC KEY-----\n")


@pytest.mark.parametrize("there", ["acme.key.pem", "acme.pub.pem"])
def test_no_key_is_overwritten_and_no_half_is_left(tmp_path: Path, there: str) -> None:
    """`keygen` overwrites neither an existing file nor a dangling link, and leaves no single half of a pair."""
    (tmp_path / there).write_text("mine")
    with pytest.raises(UsageError, match=re.escape(there) + " is there already"):
        _pair(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"

    (tmp_path / there).unlink()
    (tmp_path / there).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is there already"):
        _pair(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A sentence, not a traceback."""
    with pytest.raises(UsageError, match=r"no key can be written to .*nowhere: No such file"):
        _pair(tmp_path / "nowhere")


def test_a_passphrase_locks_the_private_half(tmp_path: Path) -> None:
    """Without it, or with another, there is no key; the sentence names the variable and not its value."""
    key = keys.generate()
    private, public = tmp_path / "a.key.pem", tmp_path / "a.pub.pem"
    secret = keys.passphrase({keys.PASSPHRASE: "swordfish"})
    keys.write(key, private, public, secret)

    assert "ENCRYPTED PRIVATE KEY" in private.read_text()
    assert keys.load_private(private, secret).public.keyid == key.public.keyid
    for wrong in (None, b"guppy"):
        with pytest.raises(UsageError) as refused:
            keys.load_private(private, wrong)
        said = refused.value.message + refused.value.hint
        assert keys.PASSPHRASE in said
        assert "guppy" not in said
    with pytest.raises(UsageError, match="set, but empty"):
        keys.passphrase({keys.PASSPHRASE: ""})
    assert keys.passphrase({}) is None


def test_a_passphrase_for_a_key_without_one_does_no_harm(tmp_path: Path) -> None:
    """The variable may be set for another key."""
    key, private, _ = _pair(tmp_path)

    assert keys.load_private(private, b"swordfish").public.keyid == key.public.keyid


def test_the_halves_are_not_taken_for_one_another(tmp_path: Path) -> None:
    """A partner who was sent the private key is told so."""
    _, private, public = _pair(tmp_path)
    with pytest.raises(UsageError, match="is a public key: it can't sign"):
        keys.load_private(public)
    with pytest.raises(UsageError, match="is a private key: nobody but its owner should have it"):
        keys.load_public(private)


@pytest.mark.parametrize("other", ["rsa", "p384", "junk", "empty", "nothing", "folder"])
def test_no_other_file_is_a_key(tmp_path: Path, other: str) -> None:
    """Keys of other algorithms and other files are refused with a hint, by both readers."""
    private, public = tmp_path / "private", tmp_path / "public"
    if other in {"rsa", "p384"}:
        key = (
            rsa.generate_private_key(65537, 1024)
            if other == "rsa"
            else ec.generate_private_key(ec.SECP384R1())
        )
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    elif other == "folder":
        private.mkdir()
        public.mkdir()
    elif other != "nothing":
        for path in (private, public):
            path.write_bytes(b"" if other == "empty" else b"-----BEGIN JUNK-----\n\xff")
    for load, path in ((keys.load_private, private), (keys.load_public, public)):
        with pytest.raises(UsageError) as refused:
            load(path)
        assert refused.value.hint


def test_a_private_key_shows_nowhere(tmp_path: Path) -> None:
    """The private key is shown neither in a repr nor in the message about a broken file nor in its cause."""
    _, private, _ = _pair(tmp_path)
    body = private.read_text().splitlines()[1]
    loaded = keys.load_private(private)
    assert repr(loaded) == "PrivateKey()"
    assert body[-20:] not in str(loaded)

    private.write_text(private.read_text().replace(body, body[:-3] + "!" + body[-2:]))
    with pytest.raises(UsageError) as refused:
        keys.load_private(private)
    assert body[:20] not in refused.value.message + refused.value.hint
    assert refused.value.__suppress_context__


# The y of the points of order 1, 2, 4 and 8, and y of the neutral element in its second form.
_LOW = ["01" + "00" * 31, "ec" + "ff" * 30 + "7f", "00" * 32, "ee" + "ff" * 30 + "7f"]
_LOW += [
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]


@pytest.mark.parametrize("point", _LOW)
@pytest.mark.parametrize("sign", [0, 0x80])
def test_a_key_under_which_one_signature_fits_anything_is_refused(
    tmp_path: Path, point: str, sign: int
) -> None:
    """A public key of low order, or written in a second form, is nobody's."""
    raw = bytearray.fromhex(point)
    raw[31] |= sign
    prefix = bytes.fromhex("302a300506032b6570032100")
    body = base64.b64encode(prefix + bytes(raw)).decode()
    path = tmp_path / "weak.pub.pem"
    path.write_text(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")

    with pytest.raises(UsageError, match="low order"):
        keys.load_public(path)


def test_of_the_two_forms_of_an_ecdsa_signature_one_is_made() -> None:
    """Both forms of an ECDSA signature verify; the other one and DER with slack differ from what `sign` makes."""
    key = keys.generate(ecdsa=True)
    for number in range(8):
        message = str(number).encode()
        made = key.sign(message)
        r, s = decode_dss_signature(made)
        other = encode_dss_signature(r, keys.ORDER - s)

        assert key.public.verifies(made, message)
        assert key.public.verifies(other, message)
        assert not key.public.is_second_form(made)
        assert key.public.is_second_form(other)
        assert key.public.is_second_form(b"no DER")


@pytest.mark.parametrize("load", [keys.load_public, keys.load_private])
def test_a_key_file_is_a_small_regular_file(tmp_path: Path, load: Callable[[Path], object]) -> None:
    """A device without an end, a pipe without a writer and a large file are refused at once, with a sentence."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b" " * (65 << 10))

    for path, says in (
        (Path("/dev/zero"), "no regular file"),
        (tmp_path / "pipe", "no regular file"),
        (tmp_path / "large", "larger than 64 KB"),
    ):
        with pytest.raises(UsageError, match=says) as refused:
            load(path)
        assert refused.value.hint
