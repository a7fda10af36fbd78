"""Bad requests as data: headers, bodies and ids that change one thing of a documented request, by the case's name."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from conformance.oracles.expect import requirement
from conformance.suites.withdraws.authentication import signature
from conformance.suites.withdraws.client import Withdraws

Headers = dict[str, str | None]
Change = Callable[[Withdraws, Headers], Headers]
HEADERS = ("X-API-Key", "X-Timestamp", "X-Signature")
DAY_MS = 86_400_000


def hex_of(headers: Headers) -> str:
    """The digits of a signature."""
    return str(headers["X-Signature"]).removeprefix("sha256=")


def _digits(change: Callable[[str], str]) -> Change:
    """A signature with other digits."""
    return lambda api, h: {**h, "X-Signature": "sha256=" + change(hex_of(h))}


def _other(digit: str) -> str:
    """Another hex digit."""
    return "0" if digit != "0" else "1"


def _beside(api: Withdraws, headers: Headers) -> Headers:
    """The timestamp of another millisecond of the same second, which no request of the run was sent with."""
    beside = api.timestamp()
    if str(headers["X-Timestamp"])[:-3] != beside[:-3]:
        headers, beside = api.signed(), api.timestamp()
    return {**headers, "X-Timestamp": beside}


WITHOUT: dict[str, Change] = {
    **{f"no_{name}": lambda api, h, name=name: {**h, name: None} for name in HEADERS},  # type: ignore[misc]
    **{f"empty_{name}": lambda api, h, name=name: {**h, name: ""} for name in HEADERS},  # type: ignore[misc]
    "none_of_the_headers": lambda api, h: {},
    "only_the_key": lambda api, h: {"X-API-Key": h["X-API-Key"]},
    "another_scheme_instead": lambda api, h: {"Authorization": f"Bearer {h['X-API-Key']}"},
    "empty_signature_and_timestamp": lambda api, h: {**h, "X-Timestamp": "", "X-Signature": ""},
}


# Other spellings of the path of a cancel.
PATHS = {
    "slash_behind": "/api/v1/withdraws/{id}/cancel/",
    "slash_before": "//api/v1/withdraws/{id}/cancel",
    "upper_case": "/API/V1/WITHDRAWS/{id}/CANCEL",
    "dot_segment": "/api/v1/./withdraws/{id}/cancel",
    "query": "/api/v1/withdraws/{id}/cancel?debug=true",
    "semicolon": "/api/v1/withdraws/{id}/cancel;x=1",
    "escaped_letter": "/api/v1/withdraws/{id}/c%61ncel",
    "id_in_capitals": "/api/v1/withdraws/{ID}/cancel",
}


def _over(message: Callable[[str], str]) -> Change:
    """Signed with the right secret, over something else than timestamp, dot and body."""

    def change(api: Withdraws, h: Headers) -> Headers:
        text = message(str(h["X-Timestamp"])).encode()
        return {
            **h,
            "X-Signature": f"sha256={hmac.new(api.secret().encode(), text, hashlib.sha256).hexdigest()}",
        }

    return change


def _signed_with(secret: Callable[[Withdraws], str]) -> Change:
    return lambda api, h: {**h, "X-Signature": signature(secret(api), str(h["X-Timestamp"]), b"")}


def _other_case(secret: str) -> str:
    """Another secret than this one: in the other letter case, as far as it has letters."""
    return secret.swapcase() if secret.swapcase() != secret else secret + secret


FORGED: dict[str, Change] = {
    "unrelated_secret": _signed_with(lambda api: "not-the-secret-of-anybody"),
    "empty_secret": _signed_with(lambda api: ""),
    "secret_without_its_last_character": _signed_with(lambda api: api.secret()[:-1]),
    "secret_without_its_first_character": _signed_with(lambda api: api.secret()[1:]),
    "secret_with_its_last_character_changed": _signed_with(lambda api: api.secret()[:-1] + "\x7f"),
    "secret_in_the_other_letter_case": _signed_with(lambda api: _other_case(api.secret())),
    "secret_with_one_character_more": _signed_with(lambda api: api.secret() + "x"),
    "api_key_as_secret": lambda api, h: {
        **h,
        "X-Signature": signature(str(h["X-API-Key"]), str(h["X-Timestamp"]), b""),
    },
    "unkeyed_hash": lambda api, h: {
        **h,
        "X-Signature": "sha256=" + hashlib.sha256(f"{h['X-Timestamp']}.".encode()).hexdigest(),
    },
    "over_the_body_alone": _over(lambda stamp: ""),
    "over_a_dot_and_the_body": _over(lambda stamp: "."),
    "over_the_timestamp_alone": _over(lambda stamp: stamp),
    "neighbouring_millisecond": _beside,
    "timestamp_of_a_second_earlier": lambda api, h: {
        **h,
        "X-Timestamp": str(int(str(h["X-Timestamp"])) - 1000),
    },
    "signature_of_another_body": lambda api, h: {
        **h,
        "X-Signature": signature(api.secret(), str(h["X-Timestamp"]), b"{}"),
    },
    "no_digits": _digits(lambda text: ""),
    "first_digit_only": _digits(lambda text: text[:1]),
    "first_8_digits": _digits(lambda text: text[:8]),
    "first_20_digits": _digits(lambda text: text[:20]),
    "first_40_digits": _digits(lambda text: text[:40]),
    "first_32_digits": _digits(lambda text: text[:32]),
    "all_digits_but_the_last": _digits(lambda text: text[:-1]),
    "all_digits_but_the_last_two": _digits(lambda text: text[:-2]),
    "all_digits_but_the_first": _digits(lambda text: text[1:]),
    "one_digit_more": _digits(lambda text: text + "0"),
    "two_digits_more": _digits(lambda text: text + "00"),
    "two_digits_before": _digits(lambda text: "ab" + text),
    "two_zeros_before": _digits(lambda text: "00" + text),
    "all_digits_and_then_words": _digits(lambda text: text + "zz"),
    "all_digits_and_then_an_equals_sign": _digits(lambda text: text + "=0"),
    "all_digits_and_then_a_comma": _digits(lambda text: text + ",0"),
    "last_digit_changed": _digits(lambda text: text[:-1] + _other(text[-1])),
    "first_digit_changed": _digits(lambda text: _other(text[0]) + text[1:]),
    "second_half_changed": _digits(lambda text: text[:32] + "".join(map(_other, text[32:]))),
    "first_half_changed": _digits(lambda text: "".join(map(_other, text[:32])) + text[32:]),
    "middle_digit_changed": _digits(lambda text: text[:31] + _other(text[31]) + text[32:]),
    "digits_reversed": _digits(lambda text: text[::-1] if text != text[::-1] else "0" * 64),
    "not_hex": _digits(lambda text: "zz" * 32),
    "all_zeros": _digits(lambda text: "0" * 64),
    "algorithm_none": lambda api, h: {**h, "X-Signature": "none="},
}
_DROPPED = (
    "Compare the signature as text, or refuse what isn't 64 digits: a decoder of hex (that of Node.js, say) drops "
    "what stands behind them."
)
_WHOLE = (
    "Compare the whole signature, all 64 digits and nothing but them: neither as many as were sent nor those alone "
    "that are expected."
)
ITS_OWN = (
    "Verify the HMAC over the timestamp and the body of this very request, character by character, and keep no "
    "decision that was made for another."
)
# They hold the whole right signature, and more behind it: accepting them harms nobody.
_HARMLESS = (
    "one_digit_more",
    "all_digits_and_then_words",
    "all_digits_and_then_an_equals_sign",
    "all_digits_and_then_a_comma",
)
FORGED_HINTS = {
    **{case: _WHOLE for case in FORGED if "digit" in case or "zeros_before" in case},
    "digits_reversed": "Compare the whole signature, digit by digit, in its order.",
    **dict.fromkeys(
        ("neighbouring_millisecond", "timestamp_of_a_second_earlier", "signature_of_another_body"), ITS_OWN
    ),
    **dict.fromkeys(_HARMLESS, _DROPPED),
}
"""Hints for forgeries that only a comparison, or what is signed over, lets pass."""
FORGED_CASES = [
    pytest.param(case, marks=requirement(level="SHOULD") if case in _HARMLESS else ()) for case in FORGED
]


STRANGERS: dict[str, Change] = {
    "unknown_key": lambda api, h: api.signed(key="nobody-has-this-key-0000"),
    "unknown_key_and_empty_secret": lambda api, h: api.signed(key="nobody-has-this-key-0000", secret=""),
    "unknown_key_and_secret_undefined": lambda api, h: api.signed(
        key="nobody-has-this-key-0000", secret="undefined"
    ),
    "unknown_key_and_secret_null": lambda api, h: api.signed(key="nobody-has-this-key-0000", secret="null"),
    "unknown_key_and_secret_None": lambda api, h: api.signed(key="nobody-has-this-key-0000", secret="None"),
    "key_without_its_last_character": lambda api, h: api.signed(key=str(h["X-API-Key"])[:-1]),
    "key_with_one_character_more": lambda api, h: api.signed(key=str(h["X-API-Key"]) + "x"),
    "key_with_its_last_character_changed": lambda api, h: api.signed(key=str(h["X-API-Key"])[:-1] + "~"),
    "wildcard_as_key": lambda api, h: api.signed(key="%"),
    "name_of_an_object_prototype_as_key": lambda api, h: api.signed(key="constructor", secret="undefined"),
}


def _stamp(change: Callable[[int], str]) -> Change:
    return lambda api, h: api.signed(timestamp=change(int(api.timestamp())))


STALE: dict[str, Change] = {
    "a_day_old": _stamp(lambda now: str(now - DAY_MS)),
    "a_day_ahead": _stamp(lambda now: str(now + DAY_MS)),
    "of_1970": _stamp(lambda now: "0"),
    "negative": _stamp(lambda now: f"-{now}"),
    "words": _stamp(lambda now: "yesterday"),
    "NaN": _stamp(lambda now: "NaN"),
    "Infinity": _stamp(lambda now: "Infinity"),
    "far_ahead": _stamp(lambda now: "9" * 18),
    "of_40_digits": _stamp(lambda now: "9" * 40),
    "beyond_2_to_the_53": _stamp(lambda now: "9007199254740993"),
    "now_and_then_words": _stamp(lambda now: f"{now}ms"),
}


# What no strict parser of any language takes for a number, with the digits of now or without: each sent correctly
# signed, one after the other. A plus, a fraction, an exponent, hex and underscores are numbers to int(), float() or
# Number(), and harm nobody.
HALVES: dict[str, Callable[[int], str]] = {
    "a letter before its digits": lambda now: f"x{now}",
    "a letter behind its digits": lambda now: f"{now}x",
    "a second number behind a comma": lambda now: f"{now},{now}",
    "a letter behind a semicolon behind its digits": lambda now: f"{now};x",
    "a letter behind a blank behind its digits": lambda now: f"{now} x",
    "a letter behind a colon behind its digits": lambda now: f"{now}:x",
    "brackets around its digits": lambda now: f"[{now}]",
    "the word null": lambda now: "null",
    "the word undefined": lambda now: "undefined",
    "the word true": lambda now: "true",
}

# The API key, but not byte for byte; each signed with the right secret.
KEY_SPELLINGS: dict[str, Callable[[str], str]] = {
    "with a blank in the middle": lambda key: f"{key[:8]} {key[8:]}",
    "with :x behind it": lambda key: f"{key}:x",
    "with ,x behind it": lambda key: f"{key},x",
    "with ;x behind it": lambda key: f"{key};x",
    "in quotes": lambda key: f'"{key}"',
    "behind the word Bearer": lambda key: f"Bearer {key}",
}

# Headers that something in front of a target sets, or that one service tells another. Every client can send them.
TRUSTED: dict[str, str] = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-IP": "10.0.0.1",
    "Forwarded": "for=127.0.0.1",
    "X-Internal-Request": "true",
    "X-Authenticated-User": "{key}",
    "X-Consumer-Username": "{key}",
    "X-Merchant-Id": "{key}",
    "X-Original-URL": "/health",
    "X-Rewrite-URL": "/health",
    "X-Debug": "1",
    "X-Signature-Verified": "true",
    "X-SSL-Client-Verify": "SUCCESS",
}


BODIES: dict[str, bytes] = {
    "object": b"{}",
    "object_with_a_key": b'{"amount":"1.00"}',
    "text": b"cancel",
    "space": b" ",
    "newline": b"\n",
    "no_UTF-8": b"\xff\xfe\xfd",
    "long": b'{"note":"' + b"x" * 20_000 + b'"}',
    "form": b"amount=1.00",
}

JSON = "application/json"
# Bodies of the type that the API's answers have.
COVERED = ["object", "object_with_a_key", "text", "space", "newline", "no_UTF-8", "long"]
# The API never has a body of these types: a program may have the raw body for JSON only.
FOREIGN = [
    *((case, kind) for kind in ("text/plain", "no_type") for case in ("object", "text", "space")),
    ("object_with_a_key", "no_type"),
    ("no_UTF-8", "no_type"),
    ("form", "application/x-www-form-urlencoded"),
]


# The signed body, and the sent one: the same JSON value, spelt another way.
SPELLINGS: dict[str, tuple[bytes, bytes]] = {
    "blanks_added": (b'{"note":"x","n":1}', b'{ "note" : "x", "n" : 1 }'),
    "blanks_left_out": (b'{"note": "x", "n": 1}', b'{"note":"x","n":1}'),
    "a_line_break_behind": (b'{"note":"x"}', b'{"note":"x"}\n'),
}


# Four ways to fail authentication, for checks of what a failure looks like and leaves behind.
FAILURES: dict[str, Change] = {
    "no_credentials": lambda api, h: {},
    "no_signature": lambda api, h: {**h, "X-Signature": None},
    "wrong_signature": lambda api, h: api.signed(secret=api.secret() + "x"),
    "unknown_key": lambda api, h: api.signed(key="nobody-has-this-key-0000"),
}
# A correct signature over a time of 2001.
OLD_TIMESTAMP: dict[str, Change] = {"old_timestamp": lambda api, h: api.signed(timestamp="1000000000000")}


# Names that every JavaScript object has: a lookup of a key by that name finds something.
_PROTOTYPES = ("constructor", "__proto__", "toString", "hasOwnProperty")
# Two bytes that no UTF-8 text has; sent as they are.
_NO_TEXT = "\udcff\udcfe"

ODD: dict[str, dict[str, Any]] = {
    **{f"key_{name}": {"X-API-Key": name} for name in _PROTOTYPES},
    "key_not_UTF-8": {"X-API-Key": _NO_TEXT},
    "signature_not_UTF-8": {"X-Signature": f"sha256={_NO_TEXT}"},
    "timestamp_not_UTF-8": {"X-Timestamp": _NO_TEXT},
    "multibyte_signature": {"X-Signature": "sha256=" + "é" * 32},
    "emoji_signature": {"X-Signature": "sha256=💸"},
    "signature_of_10_kB": {"X-Signature": "sha256=" + "a" * 10_000},
    "signature_without_digits": {"X-Signature": "sha256="},
    "signature_of_one_digit": {"X-Signature": "sha256=a"},
    "other_scheme": {"X-Signature": "md5=d41d8cd98f00b204e9800998ecf8427e"},
    "no_scheme_and_no_hex": {"X-Signature": "======"},
    "multibyte_key": {"X-API-Key": "clé-💸"},
    "key_of_10_kB": {"X-API-Key": "k" * 10_000},
    "multibyte_timestamp": {"X-Timestamp": "１２３"},
    "timestamp_of_400_digits": {"X-Timestamp": "1" * 400},
    "timestamp_with_exponent": {"X-Timestamp": "1e400"},
    # Front servers let these pass, and columns and buffers may not hold them.
    "key_of_4000_characters": {"X-API-Key": "k" * 4_000},
    "signature_of_4000_characters": {"X-Signature": "sha256=" + "a" * 4_000},
    "timestamp_of_4000_digits": {"X-Timestamp": "1" * 4_000},
    **{f"timestamp_{name}": {"X-Timestamp": name} for name in ("constructor", "__proto__")},
    "signature_constructor": {"X-Signature": "sha256=constructor"},
    "prototype_names_everywhere": {
        "X-API-Key": "__proto__",
        "X-Timestamp": "constructor",
        "X-Signature": "toString",
    },
}


_FORM = "application/x-www-form-urlencoded"
# Bodies that some program may choke on, each with its type; correctly signed, so that they get as far as any.
ODD_BODIES: dict[str, tuple[bytes, str]] = {
    "no_JSON": (b"{", JSON),
    "list": (b"[]", JSON),
    "null": (b"null", JSON),
    "infinite_number": (b'{"a":1e999}', JSON),
    "text_not_UTF-8": (b'{"a":"\xff\xfe"}', JSON),
    "NUL": (b'{"a\\u0000":"\\u0000"}', JSON),
    "lone_surrogate": (b'{"a":"\\ud800"}', JSON),
    "prototype_names": (b'{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}', JSON),
    "deep": (b"[" * 5_000 + b"]" * 5_000, JSON),
    "long": (b'{"note":"' + b"x" * 200_000 + b'"}', JSON),
    "unknown_charset": (b"{}", f"{JSON}; charset=nonsense"),
    "form_with_bad_escapes": (b"a=%zz&b[=1&=", _FORM),
    "multipart_without_boundary": (b"--x\r\n\r\n", "multipart/form-data"),
    "no_type_at_all": (b"\x00\x01", "nonsense"),
}
