"""Redaction removes every secret from what is kept, however it is spelled."""

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conformance.http.redact import Redactor, sent_credentials

# How targets, proxies and our own messages spell what they echo.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda s: s,
    "json": lambda s: json.dumps({"echo": f"<{s}>"}),
    "json utf-8": lambda s: json.dumps({"echo": f"<{s}>"}, ensure_ascii=False),
    "json with slashes escaped": lambda s: json.dumps(f"-{s}-").replace("/", "\\/"),
    "json in json": lambda s: json.dumps({"body": json.dumps({"echo": f" {s} "})}),
    "json in json in json": lambda s: json.dumps([json.dumps([json.dumps([f" {s} "])])]),
    "repr": lambda s: repr(f"'{s}\""),
    "repr of json": lambda s: repr(json.dumps(f" {s} ")),
    "repr of bytes": lambda s: repr(f"'{s}\"".encode()),
    "url": lambda s: f"/path?a={quote(s, safe='')}&b",
    "url, slashes kept": quote,
    "url, lower case": lambda s: "".join(
        c if c.isascii() and c.isalnum() else "".join(f"%{b:02x}" for b in c.encode()) for c in s
    ),
    "url, as scripts do": lambda s: quote(s, safe="!'()*"),
    "form": lambda s: f"a={quote_plus(s)}",
    "url twice": lambda s: quote(quote(s, safe=""), safe=""),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "html": lambda s: f"<b>{html.escape(s)}</b>",
    "latin-1 header": lambda s: s.encode().decode("latin-1"),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 in json": lambda s: json.dumps(base64.b64encode(s.encode()).decode()).replace("/", "\\/"),
    "base64 in a url": lambda s: quote(base64.b64encode(s.encode()).decode(), safe=""),
}

SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=8, max_size=40).filter(
    # What the placeholder itself holds can't be told from a secret.
    lambda s: s == s.strip() and s not in "[redacted:name.secret]" and "[" not in s and "]" not in s
)
SPECIAL = [
    "plain-secret_0123456789",
    "quo\"te's\\back\\\\slash",
    "per%cent+plus/slash=equals",
    "пароль-ünïcode-€-😀",
    "sp ace & <angle>",
    "%41%zz+%",
    "a/b+c/d+e==",
    '"\\"\\\\"',
]


@pytest.mark.parametrize("secret", SPECIAL)
@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_of_an_odd_secret_is_found(name: str, secret: str) -> None:
    """No spelling of an unusual secret leaves a part of it behind."""
    text = f"before {SPELLINGS[name](secret)} after"

    clean = Redactor({"name.secret": secret}).text(text)

    assert SPELLINGS[name](secret) not in clean
    assert secret not in clean
    assert "[redacted:name.secret]" in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")


@settings(max_examples=150, deadline=None)
@given(SECRETS, st.sampled_from(sorted(SPELLINGS)), st.text(max_size=20), st.text(max_size=20))
def test_no_spelling_survives(secret: str, name: str, before: str, after: str) -> None:
    """For any secret in any of the spellings, anywhere in a text."""
    spelled = SPELLINGS[name](secret)
    assume(spelled not in before + after)

    clean = Redactor({"name.secret": secret}).text(before + spelled + after)

    assert "[redacted:name.secret]" in clean
    assert spelled not in clean


@settings(max_examples=100, deadline=None)
@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7))
def test_base64_is_found_at_each_alignment(secret: str, before: bytes, after: bytes) -> None:
    """A base64 secret is found at each alignment, also inside a longer text such as Basic credentials."""
    encoded = base64.b64encode(before + secret.encode() + after)

    clean = Redactor({"name.secret": secret}).raw(encoded)
    left = clean.replace(b"[redacted:name.secret]", b"")

    assert clean != encoded
    # Of 4 characters 3 bytes; what is left at the seams is less than two characters of the secret.
    assert len(left) <= len(base64.b64encode(before + after)) + 8


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    """Reports would be worth nothing otherwise."""
    redactor = Redactor(
        {"a.key": "a-key-nobody-has", "a.secret": "a-secret-nobody-has"}, [("a.key", "a.secret")]
    )

    assert redactor.text(text) == text
    assert redactor.raw(text.encode()) == text.encode()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_text_stay_as_they_are(data: bytes) -> None:
    """Bodies needn't be UTF-8."""
    assert Redactor({"a": "a-secret-nobody-has"}).raw(data) == data


def test_lone_surrogates_survive() -> None:
    """Lone surrogates are kept beside a redacted secret."""
    assert Redactor({"a": "secret-1"}).text("\ud800 secret-1 \udfff") == "\ud800 [redacted:a] \udfff"


def test_pairs_are_found_joined_and_in_base64() -> None:
    """Basic credentials, decoded and not; the pair has its own name."""
    redactor = Redactor({"p.key": "the-public-key", "p.secret": "the-secret-key"}, [("p.key", "p.secret")])
    encoded = base64.b64encode(b"the-public-key:the-secret-key").decode()

    assert redactor.text("the-public-key:the-secret-key") == "[redacted:p.key:p.secret]"
    assert "[redacted:p.key:p.secret]" in redactor.text(f"Basic {encoded}")
    assert redactor.text("the-public-key") == "[redacted:p.key]"


def test_where_two_secrets_overlap_both_are_gone() -> None:
    """The shorter one, found first, must not leave most of the longer one standing."""
    redactor = Redactor({"short": "key", "long": "y-very-long-secret"})

    assert redactor.text("key-very-long-secret!") == "[redacted:short]!"
    assert redactor.text("x y-very-long-secret x key") == "x [redacted:long] x [redacted:short]"


def test_very_short_values_are_no_secrets() -> None:
    """Blanking out each `a` would destroy every report and protect nothing."""
    assert Redactor({"a": "", "b": "x", "c": "yz"}).text("x yz") == "x yz"


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda s: json.dumps(json.dumps(s))[3:-3],
        SPELLINGS["base64"],
        SPELLINGS["hex"],
        lambda s: quote(quote(s, safe=""), safe=""),
        html.escape,
    ],
    ids=["raw", "json in json", "base64", "hex", "url twice", "html"],
)
def test_wherever_a_body_is_cut_no_half_of_a_secret_is_left(spell: Callable[[str], str]) -> None:
    """The cut goes through every place in and around the secret, and through the next one behind it."""
    secret = 'the-secret/that+is "cut'
    spelt = spell(secret).encode()
    redactor = Redactor({"a": secret})
    for limit in range(600, 600 + 2 * len(spelt)):
        for whole in (True, False):
            body = b"x" * 500 + spelt + b"." * 100 + (spelt + b"y" * 2000 if whole else b"")
            clean = redactor.head(body if whole else body[: limit - 20], limit, whole=whole)
            kept = clean.replace(b"[redacted:a]", b"")
            assert len(clean) <= limit
            assert not any(spelt[at : at + 9] in kept for at in range(2, len(spelt) - 11)), limit


def test_what_is_short_enough_is_not_cut() -> None:
    """The last bytes of a whole body are as good as the first."""
    redactor = Redactor({"a": "the-secret-that-is-cut"})

    assert redactor.head(b"x" * 100, 100) == b"x" * 100
    assert redactor.head(b"the-secret-that-is-cut", 100) == b"[redacted:a]"
    assert redactor.head(b"x" * 5000, 1000) == b"x" * 1000


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        str.lower,
        lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
        lambda s: "".join(f"%25{byte:02X}" for byte in s.encode()),
        lambda s: "".join(f"\\u{ord(char):04x}" for char in s),
        lambda s: "".join(f"\\\\u{ord(char):04X}" for char in s),
        lambda s: "".join(f"\\x{byte:02x}" for byte in s.encode()),
        lambda s: "".join(f"&#{ord(char)};" for char in s),
        lambda s: "".join(f"&#x{ord(char):X};" for char in s),
        lambda s: base64.encodebytes(f"{'-' * 40}{s}{'-' * 40}".encode()).decode(),
        lambda s: json.dumps(base64.encodebytes(f"{'-' * 40}{s}{'-' * 40}".encode()).decode()),
    ],
    ids=["upper", "lower", "%", "%25", "u", "uu", "x", "&#", "&#x", "mime", "mime in json"],
)
def test_needless_escapes_and_other_cases_hide_nothing(spell: Callable[[str], str]) -> None:
    """Secrets with needless escapes, other letter case or base64 in lines are redacted."""
    secret = "Plain-Mystery_0123456789-of-US"
    spelt = spell(secret)

    clean = Redactor({"name.secret": secret}).text(f"before {spelt} after")

    assert "[redacted:name.secret]" in clean
    assert not [secret[at : at + 6] for at in range(len(secret) - 6) if spell(secret[at : at + 6]) in clean]


def test_signatures_are_secrets_wherever_they_come_back() -> None:
    """Signatures of earlier requests and of the target are redacted, in any spelling of the equals sign."""
    signature = "ab12" * 16
    for form in ("sha256={}", "sha256%3D{}", "sha256%253d{}", r"sha256\u003d{}", "sha256&#61;{}"):
        assert Redactor({}).text(form.format(signature)) == form.format("[redacted]")
    assert Redactor({}).text(f"digest sha256:{signature}, etag {signature}").count(signature) == 2


def test_a_basic_header_in_base64_is_one_too() -> None:
    """Base64 of what is base64 already: `Authorization` as some gateways log it."""
    redactor = Redactor({"p.key": "the-public-key", "p.secret": "the-secret-key"}, [("p.key", "p.secret")])
    header = "Basic " + base64.b64encode(b"the-public-key:the-secret-key").decode()

    clean = redactor.text(base64.b64encode(header.encode()).decode())

    assert "[redacted:p.key:p.secret]" in clean
    assert len(clean) < 50


@pytest.mark.parametrize("filler", [b"\\", b"%25", b"&amp;", b"%", b"=", b"a"])
def test_a_hostile_megabyte_costs_no_more_than_another(filler: bytes) -> None:
    """No pattern goes back and forth over what a target repeats."""
    redactor = Redactor({"a": '"\\"%&\\', "b": "aaaaaaaab", "c": "plain-secret"})
    began = time.process_time()

    redactor.raw(filler * (1_000_000 // len(filler)))

    assert time.process_time() - began < 3


# -- altered credentials -------------------------------------------------------------------------------------


def test_what_a_request_carried_is_known() -> None:
    """Decoded pairs, bare signatures, odd schemes: each part that may come back."""
    pair = base64.b64encode(b"key-of-mine:secret-of-").decode()
    sent = sent_credentials(
        [
            ("Authorization", f"Basic {pair}"),
            ("X-API-Key", "altered-key"),
            ("x-signature", "sha256=abcdef0123456789"),
            ("X-Timestamp", "1700000000000"),
            ("Accept", "*/*"),
        ]
    )

    assert {pair, "key-of-mine", "secret-of-", "altered-key", "abcdef0123456789"} <= set(sent)
    assert "1700000000000" not in sent
    assert "*/*" not in sent


@pytest.mark.parametrize("value", ["", "Basic", "Basic ", "sha256=", "Bearer", "x", "Basic !!!", "Basic ="])
def test_common_words_are_no_credentials(value: str) -> None:
    """Blanking them out would hide what was sent."""
    assert all(len(one) >= 6 for one in sent_credentials([("Authorization", value), ("X-Signature", value)]))


@pytest.mark.parametrize("name", ["raw", "json", "url", "base64", "repr", "html"])
def test_altered_credentials_are_found_too(name: str) -> None:
    """A prefix of the secret is as good as half of it."""
    text = f"you sent {SPELLINGS[name]('half/of a+sec')}, which is wrong"

    clean = Redactor({}).text(text, ["half/of a+sec"])

    assert "[redacted]" in clean
    assert SPELLINGS[name]("half/of a+sec") not in clean


def test_own_headers_are_named_only_where_they_are_the_profiles() -> None:
    """Authentication headers show the profile's credentials by name; any other value is redacted as a whole."""
    redactor = Redactor({"p.key": "the-public-key", "p.secret": "the-secret-key"}, [("p.key", "p.secret")])

    def basic(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert redactor.own_header("Authorization", basic("the-public-key:the-secret-key")).startswith(
        "Basic [redacted:p."
    )
    assert redactor.own_header("Authorization", basic("the-public-key:the-secret")) == "Basic [redacted]"
    assert (
        redactor.own_header("Authorization", basic("the-public-key:the-secret-key-and-more"))
        == "Basic [redacted]"
    )
    assert redactor.own_header("Authorization", "the-public-key:the-se cret") == "[redacted]"
    assert redactor.own_header("X-API-Key", "the-public-key") == "[redacted:p.key]"
    assert redactor.own_header("X-API-Key", "the-public-k") == "[redacted]"
    assert redactor.own_header("X-Signature", "sha256=abcdef0123") == "[redacted]"
    assert redactor.own_header("X-Signature", "sha256=") == "sha256="
    assert redactor.own_header("Accept", "*/*") == "*/*"
