"""DSSE: by its own example, and against an implementation that isn't ours."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from securesystemslib.dsse import Envelope as Theirs
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from conformance.certificate import envelope, keys
from conformance.errors import CertificateError

BOTH = pytest.mark.parametrize("ecdsa", [False, True], ids=["ed25519", "ecdsa"])
PAYLOAD = '{"_type": "https://in-toto.io/Statement/v1", "ü": "\u202e"}'.encode()


def test_what_is_signed_is_the_example_of_the_specification() -> None:
    """DSSE 1.0.2, protocol.md, test vectors."""
    assert envelope.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@BOTH
def test_another_implementation_verifies_our_envelope(ecdsa: bool) -> None:
    """With the key, and with no other."""
    key = keys.generate(ecdsa=ecdsa)
    sealed = envelope.seal(PAYLOAD, key).to_bytes()
    theirs = SSlibKey.from_crypto(key.public.key)
    found = Theirs.from_dict(json.loads(sealed))

    assert found.verify([theirs], 1) == {key.public.keyid: theirs}
    assert (found.payload, found.payload_type) == (PAYLOAD, "application/vnd.in-toto+json")
    with pytest.raises(VerificationError):
        Theirs.from_dict(json.loads(sealed)).verify([SSlibKey.from_crypto(keys.generate().public.key)], 1)


@BOTH
def test_we_verify_the_envelope_of_another_implementation(ecdsa: bool) -> None:
    """Made with its own key, and written in the one form that a certificate's file has."""
    signer = CryptoSigner.generate_ecdsa() if ecdsa else CryptoSigner.generate_ed25519()
    theirs = Theirs(PAYLOAD, envelope.PAYLOAD_TYPE, {})
    theirs.sign(signer)
    if ecdsa:
        # Of the two forms of a signature only one is taken; other signers make either.
        (made,) = theirs.signatures.values()
        r, s = decode_dss_signature(bytes.fromhex(made.signature))
        made.signature = encode_dss_signature(r, min(s, keys.ORDER - s)).hex()
    content = (json.dumps(theirs.to_dict()) + "\n").encode()

    assert envelope.open_verified(content, keys.PublicKey(signer.public_key._crypto_key())) == PAYLOAD


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(lambda text: "", "truncated", id="nothing"),
        pytest.param(lambda text: "\n \n", "truncated", id="blank"),
        pytest.param(lambda text: text[:-1], "altered", id="no line end"),
        pytest.param(lambda text: text[:-2], "truncated", id="no last brace"),
        pytest.param(lambda text: text[: len(text) // 2], "truncated", id="half"),
        pytest.param(lambda text: text + "\n", "altered", id="one line more"),
        pytest.param(lambda text: text.replace(": ", ":"), "foreign", id="other blanks"),
        pytest.param(lambda text: text.replace('", "payloadType', '",  "payloadType'), "altered", id="one blank more"),
        pytest.param(lambda text: text.replace('"sig"', '"s\\u0069g"'), "altered", id="a letter spelt otherwise"),
        pytest.param(lambda text: text.replace('"payloadType"', '"x": 1, "payloadType"'), "altered", id="a key more"),
        pytest.param(lambda text: text.replace("in-toto+json", "in-toto+jsom"), "altered", id="type"),
        pytest.param(lambda text: text.replace('"application/vnd.in-toto+json"', "7"), "altered", id="number as type"),
        pytest.param(lambda text: text.replace("in-toto+json", "\\ud800"), "altered", id="half a character"),
        pytest.param(lambda text: text.replace('"keyid": "', '"keyid": "0'), "altered", id="other key named"),
        pytest.param(lambda text: "[]\n", "foreign", id="other JSON"),
        pytest.param(lambda text: "\udcff" + text, "foreign", id="not UTF-8"),
        pytest.param(lambda text: '{"payload": "' + "[" * 99999 + '"}]}\n', "altered", id="deep"),
        pytest.param(lambda text: "x" * (5 << 20), "foreign", id="5 MB"),
    ],
)  # fmt: skip
def test_a_file_that_isn_t_as_written_is_refused(change, kind: str) -> None:
    """A file that isn't as `certify` wrote it is refused with its name, a sentence and a hint."""
    key = keys.generate()
    text = envelope.seal(PAYLOAD, key).to_bytes().decode()
    assert envelope.open_verified(text.encode(), key.public) == PAYLOAD
    with pytest.raises(CertificateError) as refused:
        envelope.open_verified(change(text).encode("utf-8", "surrogateescape"), key.public)

    assert refused.value.kind == kind
    assert refused.value.hint


def test_the_signature_decides_and_not_the_name_of_the_key() -> None:
    """Another's signature under our name is an alteration; under its own, another key."""
    mine, other = keys.generate(), keys.generate()
    sealed = envelope.seal(PAYLOAD, other)
    forged = envelope.Envelope(PAYLOAD, mine.public.keyid, sealed.signature)

    for content, kind in ((sealed.to_bytes(), "key"), (forged.to_bytes(), "altered")):
        with pytest.raises(CertificateError) as refused:
            envelope.open_verified(content, mine.public)
        assert refused.value.kind == kind


def test_another_payload_is_not_a_statement() -> None:
    """Signed by the right key, and still no certificate."""
    key = keys.generate()
    other = envelope.Envelope(
        b"x", key.public.keyid, key.sign(envelope.pae("text/plain", b"x")), "text/plain"
    )
    with pytest.raises(CertificateError, match="what is signed is text/plain"):
        envelope.open_verified(other.to_bytes(), key.public)
