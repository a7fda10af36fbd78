"""Requests that Schemathesis doesn't make: documented ones for every state, free text, near-miss ids, bad credentials.

Schemathesis draws text from all of Unicode, most of which an honest target may refuse; what has to be accepted is
drawn here. One seed, one stream.
"""

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

from conformance.fuzz.cases import derived
from conformance.fuzz.deck import Deck
from conformance.fuzz.noise import HEX, PLAIN, long, multibyte, wrong_basic, wrong_hmac
from conformance.fuzz.probes import REASON_LIMIT, Aim, Probe, body_aim, reason_check
from conformance.http.reply import MISSING
from conformance.model import Headers
from conformance.openapi import Operation

_WORDS = ("duplicate", "request", "fraud", "typo", "wrong", "amount", "customer", "changed", "mind", "order")
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789",
    "'\"`\\/<>&;{}[]()%$#@!?*+=|~^,.:- ",
    "éüñçøåßÅÖÆœž ",
    "การยกเลิกซ้ำ ",
    "重复的请求取消订单 ",
    "إلغاء الطلب مكرر ",
    "ביטול הזמנה כפולה ",
    "😀🎉💸🚀🧾 ",
    "ﬁﬂ①②½²™ ",
    "a\nb\tc ",
)
_MARKUP = (
    "<b>bold</b>",
    "&amp;&lt;",
    "'; DROP TABLE payouts; --",
    "{{7*7}}",
    "${jndi:x}",
    "%s%n",
    "\\u0041",
    "=1+1",
    "../..",
)
_PROMISED = (
    None,
    "<b>bold</b> &amp; \"double\" 'single' \\ /",
    "one line\nanother\ttabbed",
    " إلغاء الطلب ביטול Zoë 重复 😀 ",
    "Aa" * (REASON_LIMIT // 2),
    "7",
    " ".join(_MARKUP),
    "ﬁ ① ½ ™",
    "äöüß" * (REASON_LIMIT // 4),
)
# Where something may end: a limit, a column, a buffer.
_LENGTHS = (
    1,
    2,
    3,
    31,
    32,
    36,
    63,
    64,
    65,
    100,
    127,
    128,
    140,
    199,
    200,
    254,
    255,
    256,
    300,
    499,
    500,
    511,
    512,
)
_JSON: Headers = (("Content-Type", "application/json"),)


def _seeded(*parts: Any) -> tuple[random.Random, Deck]:
    dice = random.Random(derived(*parts))  # noqa: S311 - a seed has to make the same stream again
    return dice, Deck(dice)


def plain(operation: Operation) -> Probe:
    """The documented request, with nothing special about it."""
    if operation.has_body:
        return _with_body(operation, {"reason": "Duplicate_Request"})
    return Probe(operation.id, "documented", operation.method, Aim.DOCUMENTED)


def promises(operation: Operation) -> Iterator[Probe]:
    """One request for each thing that a body may hold, or leave out, by the document.

    How 512 characters outside ASCII are counted is a SHOULD; what is accepted of them has to be kept whole.
    """
    if operation.has_body:
        for reason in _PROMISED:
            yield _with_body(operation, {} if reason is None else {"reason": reason})
        yield _with_body(operation, {"reason": "Duplicate_Request"}, key="absent")


def _with_body(operation: Operation, value: dict[str, str], key: str = "fresh") -> Probe:
    body = json.dumps(value).encode()
    return Probe(
        operation=operation.id,
        phase="documented",
        method=operation.method,
        aim=body_aim(body, value),
        headers=_JSON,
        body=body,
        value=value,
        key=key,
    )


def documented(operation: Operation, seed: int, number: int, size: int) -> Iterator[Probe]:
    """Requests as documented; with a body, reasons of every kind that has to be accepted."""
    dice, deck = _seeded(seed, operation.id, "documented", number)
    for _ in range(size):
        if not operation.has_body:
            yield plain(operation)
            continue
        reason = free_reason(dice, deck)
        value = {} if reason is None else {"reason": reason}
        body = json.dumps(value, ensure_ascii=dice.random() < 0.3).encode()
        yield Probe(
            operation=operation.id,
            phase="documented",
            method=operation.method,
            aim=body_aim(body, value),
            headers=_JSON,
            body=body,
            value=value,
            # One odd thing at a time: a refusal has to have one cause.
            key=dice.choice(("fresh", "fresh", "absent"))
            if reason_check(value) == "reason.plain"
            else "fresh",
        )


def ids(operation: Operation, seed: int, number: int, size: int) -> Iterator[Probe]:
    """Ids that are nearly right. None of them is made from an id that was handed over."""
    dice, deck = _seeded(seed, operation.id, "ids", number)
    body = b"{}" if operation.has_body else None
    for _ in range(size):
        yield Probe(
            operation=operation.id,
            phase="ids",
            method=operation.method,
            aim=Aim.PATH,
            segment=_near_id(dice, deck),
            headers=_JSON if body else (),
            body=body,
            value={} if body else None,
            key="absent",
        )


def credentials(operation: Operation, seed: int, number: int, size: int) -> Iterator[Probe]:
    """Requests whose credentials can't be right, on a resource that is."""
    dice, deck = _seeded(seed, operation.id, "credentials", number)
    body = b"{}" if operation.has_body else None
    for _ in range(size):
        yield Probe(
            operation=operation.id,
            phase="credentials",
            method=operation.method,
            aim=Aim.WRONG,
            headers=_JSON if body else (),
            body=body,
            value={} if body else None,
            key="fresh" if body else "absent",
            altered=wrong_basic(dice, deck)
            if "Authorization" in operation.credentials
            else wrong_hmac(dice, deck),
        )


def odd(operation: Operation, seed: int, number: int, size: int) -> Iterator[Probe]:
    """Bodies, keys and content types that no document describes; none for an operation without a body."""
    if not operation.has_body:
        return
    dice, deck = _seeded(seed, operation.id, "odd", number)
    for turn in range(size):
        body, value, headers = b'{"reason": "odd"}', {"reason": "odd"}, _JSON
        match turn % 3:
            case 0:
                aim, key, body = Aim.BODY, "fresh", _odd_body(dice, deck)
            case 1:
                aim, key, headers = Aim.KEY, "kept", (*_JSON, *_odd_keys(dice, deck))
            case _:
                aim, key, headers = Aim.TYPE, "fresh", _odd_type(dice, deck)
        yield Probe(
            operation=operation.id,
            phase="odd",
            method=operation.method,
            aim=aim,
            headers=headers,
            body=body,
            value=value if aim is not Aim.BODY else MISSING,
            key=key,
        )


def free_reason(dice: random.Random, deck: Deck) -> str | None:
    """A reason that every honest target takes and gives back as it came; None for leaving it out."""
    kind = deck.draw("kind", range(10))
    if kind <= 2:
        words = "_".join(dice.choices(_WORDS, k=dice.randint(1, 4)))
        return dice.choice((words, words.title(), words.upper()))
    if kind == 3:
        return None
    if kind <= 5:
        return "".join(dice.choices(PLAIN, k=deck.draw("length", _LENGTHS)))
    if kind == 6:
        return " ".join(deck.draw("markup", _MARKUP) for _ in range(3))
    text = "".join(dice.choices(deck.draw("alphabet", _ALPHABETS), k=dice.randint(1, 60)))
    return text if kind < 9 else f" {text} "


def _near_id(dice: random.Random, deck: Deck) -> str:
    digits = "".join(dice.choices(HEX, k=32))
    cuts = (0, 8, 12, 16, 20, 32)
    whole = "-".join(digits[a:b] for a, b in itertools.pairwise(cuts))
    at = dice.randrange(len(whole))
    return deck.draw(
        "id",
        (
            whole[:at] + dice.choice("gzGZ_.~") + whole[at + 1 :],
            whole[:at] or "0",
            whole + dice.choice(HEX),
            whole + "%00",
            whole + "%20",
            "%7B" + whole + "%7D",
            whole[:at] + "%F0%9F%98%80" + whole[at:],
            whole[:at] + "%C3%28" + whole[at:],
            "-" + digits,
            str(dice.randrange(-(2**70), 2**70)),
            dice.choice(
                (
                    "null",
                    "undefined",
                    "NaN",
                    "true",
                    "%5Bobject%20Object%5D",
                    "%27%20OR%201%3D1--",
                    "%00",
                    "%2e%2e%2f",
                )
            ),
            "".join(dice.choices(HEX, k=dice.choice((200, 2000, 10_000)))),
        ),
    )


def _odd_body(dice: random.Random, deck: Deck) -> bytes:
    deep = dice.choice((200, 5_000, 50_000))
    return deck.draw(
        "body",
        (
            b"",
            b" ",
            b"null",
            b"{",
            b'{"reason": "cut',
            b'{"reason": "one", "reason": "two"}',
            b'{"reason": NaN}',
            b"\xef\xbb\xbf{}",
            b'{"reason": "\xff\xfe"}',
            b'{"reason": "\\ud800"}',
            b'{"reason": "\\u0000"}',
            b"{'reason': 'single'}",
            b'{"reason": "trailing",}',
            b"reason=form",
            b"[" * deep + b"]" * deep,
            b'{"a":' * deep + b"1" + b"}" * deep,
            b'{"reason": ' + b"9" * dice.choice((20, 5_000)) + b"}",
            b'{"__proto__": {"reason": "x"}}',
            json.dumps({"reason": "utf-16"}).encode("utf-16"),
        ),
    )


def _odd_keys(dice: random.Random, deck: Deck) -> Headers:
    name = "Idempotency-Key"
    unique = "".join(dice.choices(PLAIN, k=12))
    return deck.draw(
        "key",
        (
            ((name, ""),),
            ((name, unique * 25),),
            ((name, long(dice)),),
            ((name, unique), (name, unique[::-1])),
            ((name, multibyte(dice) + unique),),
            ((name, "'; DROP TABLE keys; --" + unique),),
            ((name, "../" + unique),),
            ((name, "{" + unique + "}"),),
        ),
    )


def _odd_type(dice: random.Random, deck: Deck) -> Headers:
    label = deck.draw(
        "label",
        (
            None,
            "",
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/json; charset=utf-16",
            "application/json; charset=nonsense",
            "application/json, text/plain",
            "application/merge-patch+json",
            "json",
            "/",
            ";",
            "*/*",
        ),
    )
    return () if label is None else (("Content-Type", label),)
