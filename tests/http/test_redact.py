"""Whatever the secret and however it is spelled, what is kept doesn't hold it."""

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
    """Nothing of the spelled secret is left but what the text around it brought along."""
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
    """Also in the middle of something longer, as in Basic credentials."""
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
    """What UTF-8 can't say is kept, beside what is taken out."""
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


def test_a_cut_body_loses_its_end() -> None:
    """Half of a secret at the cut is not found by its value: so much is dropped that none can be left."""
    secret = "the-secret-that-is-cut"
    redactor = Redactor({"a": secret})
    body = b"x" * 1000 + secret.encode()[:12]

    assert secret[:12].encode() not in redactor.tail(body)
    assert redactor.longest >= len(json.dumps("é" * len(secret)))


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
    """As they are: by name. Anything else in an authentication header: blank, not half blank."""
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
