"""Generates what Schemathesis doesn't: documented requests, free text, near-miss ids, wrong credentials, odd bodies.

Schemathesis draws text from all of Unicode, most of which an honest target may refuse; what has to be accepted is
drawn here. The same seed draws the same requests.
"""

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

from conformance.contracts import contract
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.generate import bodies
from conformance.fuzz.generate.schemathesis_source import derived
from conformance.fuzz.generate.shuffle_bag import ShuffleBag
from conformance.fuzz.generate.values import (
    HEX,
    NAMES,
    NUMBERS,
    PLAIN,
    garbage,
    long,
    multibyte,
    wrong_authorization,
)
from conformance.fuzz.text_field import TextField, body_mutation
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
    "$$ $& $1",
    "{0} {x}",
    "#{x}",
)
# Each needs a resource of its own, so that each holds all of a kind: where one fails, shrinking shows which part it is.
_PROMISED = (
    None,
    " ".join(_MARKUP),
    " <b>bold</b> &amp; \"double\" 'single' \\ / إلغاء الطلب ביטול Zoë 重复 😀\nanother\ttabbed ﬁ ① ½ ™ äöüß ",
    "Aa",
    "7",
    "äöüß",
)
# These are repeated up to the limit.
_WHOLE = ("Aa", "äöüß")
_PLAIN_TEXT = "Duplicate_Request"
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


def _seeded(*parts: Any) -> tuple[random.Random, ShuffleBag]:
    rng = random.Random(derived(*parts))  # noqa: S311 - a seed has to make the same stream again
    return rng, ShuffleBag(rng)


def plain(operation: Operation) -> Case:
    """Returns the documented request, with nothing special about it."""
    if not operation.has_body:
        return Case(operation.id, "documented", operation.method, Mutation.DOCUMENTED)
    text = fuzzing(operation.api).text
    return _with_body(operation, {text.name: _PLAIN_TEXT} if text is not None else bodies.empty(operation)[1])


def promises(operation: Operation) -> Iterator[Case]:
    """Generates one request for each thing that a body may hold, or leave out, by the document.

    How characters outside ASCII are counted is a SHOULD; what is accepted of them has to be kept whole.
    """
    text = fuzzing(operation.api).text
    if operation.has_body and text is not None:
        for one in _PROMISED:
            whole = one * (text.limit // len(one)) if one in _WHOLE else one
            yield _with_body(operation, {} if whole is None else {text.name: whole})
        yield _with_body(operation, {text.name: _PLAIN_TEXT}, key="absent")


def _with_body(operation: Operation, value: dict[str, str], key: str = "fresh") -> Case:
    body = bodies.encoded(operation, value, ascii_only=True)
    return Case(
        operation=operation.id,
        phase="documented",
        method=operation.method,
        mutation=body_mutation(fuzzing(operation.api).text, body, value),
        headers=bodies.label(operation),
        body=body,
        value=value,
        key=key,
    )


def documented(operation: Operation, seed: int, number: int, size: int) -> Iterator[Case]:
    """Generates documented requests; with a body, texts of every kind that has to be accepted."""
    rng, bag = _seeded(seed, operation.id, "documented", number)
    text = fuzzing(operation.api).text
    for _ in range(size):
        if not operation.has_body or text is None:
            yield plain(operation)
            continue
        chosen = free_text(rng, bag, text)
        value = {} if chosen is None else {text.name: chosen}
        body = bodies.encoded(operation, value, ascii_only=rng.random() < 0.3)
        yield Case(
            operation=operation.id,
            phase="documented",
            method=operation.method,
            mutation=body_mutation(text, body, value),
            headers=bodies.label(operation),
            body=body,
            value=value,
            # One deviation per request: a refusal has to have one cause.
            key=rng.choice(("fresh", "fresh", "absent")) if text.is_plain(value) else "fresh",
        )


def ids(operation: Operation, seed: int, number: int, size: int) -> Iterator[Case]:
    """Generates ids that are nearly right. None of them is made from an id that was handed over."""
    rng, bag = _seeded(seed, operation.id, "ids", number)
    body, value = bodies.empty(operation)
    for _ in range(size):
        yield Case(
            operation=operation.id,
            phase="ids",
            method=operation.method,
            mutation=Mutation.PATH,
            segment=_near_id(rng, bag),
            headers=bodies.label(operation) if body is not None else (),
            body=body,
            value=value if body is not None else None,
            key="absent",
        )


def credentials(operation: Operation, seed: int, number: int, size: int) -> Iterator[Case]:
    """Generates requests whose credentials can't be right, for a resource that exists."""
    rng, bag = _seeded(seed, operation.id, "credentials", number)
    body, value = bodies.empty(operation)
    for turn in range(size):
        if not operation.has_body and operation.method != "GET":
            # A body where none is documented may be read before authentication.
            body = _odd_body("x", rng, bag) or None if turn % 4 == 3 else None
        yield Case(
            operation=operation.id,
            phase="credentials",
            method=operation.method,
            mutation=Mutation.WRONG,
            headers=_label(operation, body),
            body=body,
            value=value if operation.has_body else None,
            key="fresh" if operation.has_body else "absent",
            altered=_wrong_credentials(operation, rng, bag),
        )


def _label(operation: Operation, body: bytes | None) -> Headers:
    if body is None:
        return ()
    return bodies.label(operation) if operation.has_body else (("Content-Type", bodies.JSON),)


def _wrong_credentials(operation: Operation, rng: random.Random, bag: ShuffleBag) -> Headers:
    own = fuzzing(operation.api).wrong_credentials
    if own is not None:
        return own(rng, bag)
    if "Authorization" in operation.credentials:
        return wrong_authorization(rng, bag)
    name = rng.choice(operation.credentials)
    return (
        (name, bag.draw("credential", ("", garbage(rng), garbage(rng, PLAIN), multibyte(rng), long(rng)))),
    )


def odd(operation: Operation, seed: int, number: int, size: int) -> Iterator[Case]:
    """Generates bodies, keys and content types that no document describes; none for an operation without a body."""
    if not operation.has_body:
        return
    rng, bag = _seeded(seed, operation.id, "odd", number)
    key_header, text = contract(operation.api).requests.key_header, fuzzing(operation.api).text
    name = text.name if text is not None else "x"
    plain_value = {name: "odd"} if text is not None else bodies.empty(operation)[1]
    plain_body = bodies.encoded(operation, plain_value)
    for turn in range(size):
        body, value, headers = plain_body, plain_value, bodies.label(operation)
        match turn % 3:
            case 1 if key_header is not None:
                mutation, key = Mutation.KEY, "kept"
                headers = (*headers, *_odd_keys(key_header, rng, bag))
            case 2:
                mutation, key, headers = Mutation.TYPE, "fresh", _odd_type(rng, bag)
            case _:
                mutation, key, body, value = Mutation.BODY, "fresh", _odd_body(name, rng, bag), MISSING
        yield Case(
            operation=operation.id,
            phase="odd",
            method=operation.method,
            mutation=mutation,
            headers=headers,
            body=body,
            value=value,
            key=key,
        )


def free_text(rng: random.Random, bag: ShuffleBag, field: TextField) -> str | None:
    """Draws a text that every honest target takes and gives back as it came; None for leaving it out."""
    kind = bag.draw("kind", range(11))
    if kind <= 2:
        words = "_".join(rng.choices(_WORDS, k=rng.randint(1, 4)))
        return rng.choice((words, words.title(), words.upper()))
    if kind == 3:
        return None
    if kind <= 5:
        lengths = [one for one in _LENGTHS if one <= field.limit]
        return "".join(rng.choices(PLAIN, k=bag.draw("length", lengths)))
    if kind == 10:
        return bag.draw("name", NAMES)
    if kind == 6:
        return " ".join(bag.draw("markup", _MARKUP) for _ in range(3))
    text = "".join(rng.choices(bag.draw("alphabet", _ALPHABETS), k=rng.randint(1, 60)))
    return text if kind < 9 else f" {text} "


def _near_id(rng: random.Random, bag: ShuffleBag) -> str:
    digits = "".join(rng.choices(HEX, k=32))
    cuts = (0, 8, 12, 16, 20, 32)
    whole = "-".join(digits[a:b] for a, b in itertools.pairwise(cuts))
    at = rng.randrange(len(whole))
    return bag.draw(
        "id",
        (
            whole[:at] + rng.choice("gzGZ_.~") + whole[at + 1 :],
            whole[:at] or "0",
            whole + rng.choice(HEX),
            whole + "%00",
            whole + "%20",
            "%7B" + whole + "%7D",
            whole[:at] + "%F0%9F%98%80" + whole[at:],
            whole[:at] + "%C3%28" + whole[at:],
            "-" + digits,
            rng.choice(NAMES),
            str(2**53 + rng.choice((-1, 1))),
            whole[:at] + "%ED%A0%80" + whole[at:],
            str(rng.randrange(-(2**70), 2**70)),
            rng.choice(
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
            "".join(rng.choices(HEX, k=rng.choice((200, 2000, 10_000)))),
        ),
    )


def _odd_body(name: str, rng: random.Random, bag: ShuffleBag) -> bytes:
    key = f'{{"{name}": '.encode()
    deep = rng.choice((200, 5_000, 50_000))
    return bag.draw(
        "body",
        (
            b"",
            b" ",
            b"null",
            b"{",
            key + b'"cut',
            key + b'"one", "' + name.encode() + b'": "two"}',
            key + b"NaN}",
            b"\xef\xbb\xbf{}",
            key + b'"\xff\xfe"}',
            key + b'"\\ud800"}',
            key + b'"\\u0000"}',
            f"{{'{name}': 'single'}}".encode(),
            key + b'"trailing",}',
            f"{name}=form".encode(),
            b"[" * deep + b"]" * deep,
            b'{"a":' * deep + b"1" + b"}" * deep,
            key + b"9" * rng.choice((20, 5_000)) + b"}",
            b'{"__proto__": ' + key + b'"x"}}',
            f'{{"{rng.choice(NAMES)}": {{"{rng.choice(NAMES)}": 1}}}}'.encode(),
            key + f'"x", "{rng.choice(NAMES)}": null}}'.encode(),
            key + rng.choice(NUMBERS) + b"}",
            b'{"' + b"k" * 4_000 + b'": 1}',
            key + b'"\xed\xa0\x80"}',
            key + b'"cut \\udc00 in \\ud83d"}',
            json.dumps({name: "utf-16"}).encode("utf-16"),
        ),
    )


def _odd_keys(name: str, rng: random.Random, bag: ShuffleBag) -> Headers:
    unique = "".join(rng.choices(PLAIN, k=12))
    return bag.draw(
        "key",
        (
            ((name, ""),),
            ((name, unique * 25),),
            ((name, "".join(rng.choices(PLAIN, k=4_000))),),
            ((name, rng.choice(NAMES)),),
            ((name, long(rng)),),
            ((name, unique), (name, unique[::-1])),
            ((name, multibyte(rng) + unique),),
            ((name, "'; DROP TABLE keys; --" + unique),),
            ((name, "../" + unique),),
            ((name, "{" + unique + "}"),),
        ),
    )


def _odd_type(rng: random.Random, bag: ShuffleBag) -> Headers:
    label = bag.draw(
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
