"""Redaction of secrets that have to be decoded before they can be known, whatever stands around them."""

import base64
import gzip
import json
import quopri
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.http.encodings import layers
from conformance.http.redact import Redactor

Spell = Callable[[str], str]


def _b64(data: bytes | str) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def _folded(text: str, width: int, end: str) -> str:
    return end.join(text[at : at + width] for at in range(0, len(text), width))


SPELLINGS: dict[str, Spell] = {
    "bytes": lambda s: json.dumps(list(s.encode())),
    "bytes, compact": lambda s: json.dumps(list(s.encode()), separators=(",", ":")),
    "bytes, a line each": lambda s: json.dumps({"a": {"data": list(s.encode())}}, indent=4),
    "bytes of Go": lambda s: f"[{' '.join(map(str, s.encode()))}]",
    "signed bytes": lambda s: json.dumps([byte - 256 if byte > 127 else byte for byte in s.encode()]),
    "bytes as texts": lambda s: json.dumps(list(map(str, s.encode()))),
    "hex with colons": lambda s: s.encode().hex(":"),
    "HEX with blanks": lambda s: s.encode().hex(" ").upper(),
    "hex with hyphens": lambda s: s.encode().hex("-"),
    "hex as C has it": lambda s: ", ".join(f"0x{byte:02x}" for byte in s.encode()),
    "hex escapes": lambda s: "".join(f"\\x{byte:02x}" for byte in s.encode()),
    "octal escapes": lambda s: "".join(f"\\{byte:03o}" for byte in s.encode()),
    "hex of base64": lambda s: _b64(s).encode().hex(),
    "base64 twice": lambda s: _b64(_b64(s)),
    "base64 three times": lambda s: _b64(_b64(_b64(s))),
    "base64 twice for URLs": lambda s: base64.urlsafe_b64encode(_b64(s).encode()).decode().rstrip("="),
    "base64 of base64 in lines": lambda s: base64.encodebytes(_b64(f"{'-' * 50}{s}").encode()).decode(),
    "base64 twice in lines in JSON": lambda s: json.dumps(base64.encodebytes(_b64(s * 2).encode()).decode()),
    "base64 of JSON in base64": lambda s: _b64(json.dumps({"header": f"Basic {_b64(s)}"})),
    "base64 of a URL": lambda s: _b64("".join(f"%{byte:02X}" for byte in s.encode())),
    "base64 of hex": lambda s: _b64(s.encode().hex()),
    "base64 of bytes": lambda s: _b64(json.dumps(list(s.encode()))),
    # Of other letters UTF-16 is nothing readable: SECURITY.md says so.
    "base64 of UTF-16": lambda s: _b64(s.encode("utf-16-le") if s.isascii() else _b64(s)),
    "base64 twice in a URL": lambda s: "".join(f"%{byte:02x}" for byte in _b64(_b64(s)).encode()),
    "gzip in base64": lambda s: _b64(gzip.compress(json.dumps({"echo": s}).encode())),
    "deflate in base64": lambda s: _b64(zlib.compress(f"{'a' * 40}{s}".encode())),
    "quoted-printable": lambda s: quopri.encodestring(f"{'-' * 60}{s}{'=' * 9}".encode()).decode(),
    "quoted-printable, every byte": lambda s: "".join(f"={byte:02X}" for byte in s.encode()),
    "quoted-printable in JSON": lambda s: json.dumps(quopri.encodestring(f"{'-' * 60}{s}".encode()).decode()),
    "folded": lambda s: _folded(s, 9, "\r\n "),
    "folded in JSON": lambda s: json.dumps(_folded(s, 9, "\r\n\t")),
    "folded in base64": lambda s: _b64(_folded(s, 9, "\r\n ")),
    "folded in base64, three times": lambda s: _b64(_b64(_b64(_folded(s, 9, "\r\n ")))),
    "folded in hex": lambda s: _folded(s, 9, "\r\n ").encode().hex(),
    "URL, three times": lambda s: "".join(f"%2525{byte:02X}" for byte in s.encode()),
    "entities of JSON escapes": lambda s: "".join(f"&#92;u{ord(char):04x}" for char in s),
}
SECRETS = [
    "plain-secret_0123456789",
    "per%cent+plus/slash=equals",
    "пароль-ünïcode-€-0123456789",
    'quo"te\\back',
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_what_has_to_be_decoded_is_found(name: str, secret: str) -> None:
    """Its name stands in its place; the text around it stays."""
    text = f"before: {SPELLINGS[name](secret)} and after"

    clean = Redactor({"name.secret": secret}).text(text)

    assert "[redacted:name.secret]" in clean
    assert clean.startswith("before: ")
    assert clean.endswith(" and after")
    redactor = Redactor({"name.secret": secret})
    assert redactor.text(clean) == clean, "nothing of it is left that a second look finds"
    assert not redactor.is_clean([text.encode()])


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=10, max_size=40).filter(
        lambda s: "[" not in s and s not in "redacted:name.secret"
    ),
    st.sampled_from(sorted(SPELLINGS)),
    st.text(max_size=12),
    st.text(max_size=12),
)
def test_text_around_it_hides_nothing(secret: str, name: str, before: str, after: str) -> None:
    """A secret is found between other words, a blank apart from them."""
    text = f"{before} {SPELLINGS[name](secret)} {after}"

    assert "[redacted:name.secret]" in Redactor({"name.secret": secret}).text(text)


@pytest.mark.parametrize("before", range(9))
def test_base64_of_base64_is_found_at_each_alignment(before: int) -> None:
    """A secret is found whatever the alignment of both encodings in longer texts."""
    for inner in range(3):
        said = _b64("k" * inner + "the-secret-key-of-mine" + "z" * 5)
        text = _b64("x" * before + said + "y" * 7)
        clean = Redactor({"a": "the-secret-key-of-mine"}).text(text)
        assert "[redacted:a]" in clean
        left = clean.replace("[redacted:a]", "")
        assert len(left) < 45, "less than two characters of the secret at each seam"


def test_credentials_that_a_check_made_up_are_found_too() -> None:
    """Secrets of one request, a signature among them, are found although no profile knows them."""
    signature = "0123456789abcdef" * 4
    for said in ("altered-secret-key", signature):
        for name in ("bytes", "hex with colons", "base64 twice", "gzip in base64"):
            clean = Redactor({}).text(SPELLINGS[name](said), [said])
            assert "[redacted]" in clean, (name, said)


def test_short_values_are_found_only_where_nothing_has_to_be_decoded() -> None:
    """Three numbers in a row are no secret of three letters."""
    redactor = Redactor({"a": "def", "b": "abcde"})

    assert redactor.text("[100, 101, 102, 97, 98, 99, 100, 101]") == "[100, 101, 102, 97, 98, 99, 100, 101]"
    assert redactor.text(_b64(_b64("abcde"))) == _b64(_b64("abcde"))
    assert redactor.text("x abcde x") == "x [redacted:b] x"


ORDINARY = [
    "Withdraw 0b0c7a0e-6e0c-4b53-8b7b-6f1d0e5a7a11 was canceled at 2026-11-28T21:05:55.123Z: 100%, max-age=31536000",
    json.dumps({"matrix": [[1, 2, 3], [97, 98, 99, 100, 101, 102, 103, 104]], "mac": "00:1b:44:11:3a:b7"}),
    json.dumps({"a": {"b": 'text with "quotes" & <tags>\n and ünïcode'}}, indent=2),
    "digest sha384-" + _b64(bytes(range(48))),
    _b64("A picture, or a token, that has nothing to do with any credential of the profile."),
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """With ids, times, numbers, addresses, digests and base64 of something else in it."""
    redactor = Redactor({"a.key": "merchant-key", "a.secret": "a-secret-nobody-has"}, [("a.key", "a.secret")])

    assert redactor.text(text) == text


def test_an_answer_as_usual_is_not_decoded_at_all() -> None:
    """Nothing in it is readable otherwise: redaction costs little for nearly all exchanges."""
    head = b"application/json\x1fmax-age=31536000\x1fSat, 28 Nov 2026 21:05:55 GMT\x1f"
    body = b'{"id":"0b0c7a0e-6e0c-4b53-8b7b-6f1d0e5a7a11","status":"requires_approval","amount":10000,"fee":null}'

    assert list(layers(head + body, 12)) == []


@pytest.mark.parametrize(
    "unit", [b"00:", b"97, ", b"AAAA", b"=41", b"%41", b"\\x41", b"&#65;", b"\n ", b"x\x9c", b"\\"]
)
def test_a_hostile_body_costs_bounded_time(unit: bytes) -> None:
    """An answer of the largest size, all of it the beginning of an encoding, is read in bounded time."""
    redactor = Redactor({"a": "plain-secret-of-mine", "b": "another-secret-of-mine"})
    began = time.process_time()

    redactor.raw(unit * (32_000 // len(unit)))

    assert time.process_time() - began < 2


def test_a_compressed_bomb_is_opened_a_little() -> None:
    """Some kilobytes that stand for 30 MB are decoded up to the size that an answer may have."""
    bomb = zlib.compress(b"a" * 30_000_000)
    began = time.process_time()

    assert Redactor({"a": "plain-secret-of-mine"}).text(_b64(bomb)) == _b64(bomb)

    assert time.process_time() - began < 2
