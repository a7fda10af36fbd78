"""Requests that are wrong or unusual in one way, as data: credentials, forms, keys, bodies, ids beside the path."""

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from conformance.http.auth import basic
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.client import (
    Ask,
    PayoutIntents,
    body_of,
    cancel_path,
    encoded,
)
from conformance.suites.payout_intents.reasons import plain

BODY = body_of("ordered twice")
"""A documented body."""

# -- credentials ----------------------------------------------------------------------------------------------------

Forgery = Callable[[str, str], str | None]
"""Key and secret -> the value of Authorization, or None for no such header."""


def base64_of(text: str) -> str:
    """Base64 of a text, as RFC 7617 has it."""
    return base64.b64encode(text.encode()).decode()


def _other(char: str) -> str:
    return "x" if char != "x" else "y"


# By kinds, so that a name says what the target doesn't check. All of them are sent about the same intent.
FORGERIES: Mapping[str, Mapping[str, Forgery]] = {
    "absent": {
        "without Authorization": lambda key, secret: None,
        "with an empty Authorization": lambda key, secret: "",
        "with the scheme alone": lambda key, secret: "Basic",
        "with neither key nor secret": lambda key, secret: basic("", ""),
    },
    "wrong_secret": {
        "with an unrelated secret": lambda key, secret: basic(key, "no-such-secret-at-all"),
        "with a secret that differs in its last character": lambda key, secret: basic(
            key, secret[:-1] + _other(secret[-1])
        ),
        "with a secret that differs in its first character": lambda key, secret: basic(
            key, _other(secret[0]) + secret[1:]
        ),
        "with a secret that is right in its first half": lambda key, secret: basic(
            key, secret[: len(secret) // 2] + "".join(map(_other, secret[len(secret) // 2 :]))
        ),
        "with the key for a secret": lambda key, secret: basic(key, key),
        "with the secret's characters in the opposite order": lambda key, secret: basic(key, secret[::-1]),
    },
    "other_letter_case": {
        "with a secret in the other letter case": lambda key, secret: basic(key, secret.swapcase()),
    },
    "shortened_secret": {
        "without the secret's last character": lambda key, secret: basic(key, secret[:-1]),
        "with the secret's first 8 characters": lambda key, secret: basic(key, secret[:8]),
        "with the secret's first character": lambda key, secret: basic(key, secret[:1]),
        "without the secret's first character": lambda key, secret: basic(key, secret[1:]),
    },
    "lengthened_secret": {
        "with a character behind the secret": lambda key, secret: basic(key, secret + "x"),
    },
    "empty_secret": {
        "with an empty secret": lambda key, secret: basic(key, ""),
        "with null for a secret": lambda key, secret: basic(key, "null"),
        "with undefined for a secret": lambda key, secret: basic(key, "undefined"),
        "with a blank for a secret": lambda key, secret: basic(key, " "),
        "with a wildcard for a secret": lambda key, secret: basic(key, "%"),
        "with an asterisk for a secret": lambda key, secret: basic(key, "*"),
        "with a pattern for a secret": lambda key, secret: basic(key, ".*"),
    },
    "unknown_key": {
        "with the right secret and an unknown key": lambda key, secret: basic("nobody-has-this-key", secret),
        "with an unknown key and no secret": lambda key, secret: basic("nobody-has-this-key", ""),
        "with an unknown key, and its own name for a secret": lambda key, secret: basic("nobody", "nobody"),
        "with an unknown key and undefined for a secret": lambda key, secret: basic("nobody", "undefined"),
        "without the key's last character": lambda key, secret: basic(key[:-1], secret),
        "with a wildcard for a key": lambda key, secret: basic("%", secret),
        "without a key": lambda key, secret: basic("", secret),
    },
    "swapped": {"with key and secret swapped": lambda key, secret: basic(secret, key)},
    "no_colon": {
        "with the key alone, and no colon": lambda key, secret: f"Basic {base64_of(key)}",
        "with the secret alone, and no colon": lambda key, secret: f"Basic {base64_of(secret)}",
        "with key and secret, and no colon": lambda key, secret: f"Basic {base64_of(key + secret)}",
    },
    "undecodable": {
        "with something that isn't Base64": lambda key, secret: "Basic ***",
        "with key and secret as they are, not encoded": lambda key, secret: f"Basic {key}:{secret}",
        "with bytes that aren't text": lambda key, secret: (
            "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()
        ),
    },
    "other_scheme": {
        "with a Bearer token that is no pair": lambda key, secret: "Bearer no-such-token-at-all",
        "with a Bearer token of the key": lambda key, secret: f"Bearer {base64_of(f'{key}:')}",
        "with the scheme Digest": lambda key, secret: f'Digest username="{key}", response="no-such-response"',
    },
}

# Each holds the whole secret: accepting it does no harm, and popular libraries do. By the cause.
LENIENCIES: Mapping[str, Mapping[str, Forgery]] = {
    "another_scheme": {
        "with a Bearer token of the encoded pair": lambda key, secret: (
            f"Bearer {base64_of(f'{key}:{secret}')}"
        ),
        "with a Bearer token of the secret": lambda key, secret: f"Bearer {secret}",
        "with a scheme that begins like Basic": lambda key, secret: f"Basics {base64_of(f'{key}:{secret}')}",
        "with a scheme that ends like Basic": lambda key, secret: f"X-Basic {base64_of(f'{key}:{secret}')}",
        "with the encoded pair and no scheme": lambda key, secret: base64_of(f"{key}:{secret}"),
    },
    "more_behind_a_colon": {
        "with a colon and more behind the secret": lambda key, secret: basic(key, secret + ":more"),
    },
    "key_in_other_letter_case": {
        "with a key in the other letter case": lambda key, secret: basic(key.swapcase(), secret),
    },
    "white_space_around_the_secret": {
        "with a blank behind the secret": lambda key, secret: basic(key, secret + " "),
        "with a blank before the secret": lambda key, secret: basic(key, " " + secret),
        "with a line break behind the secret": lambda key, secret: basic(key, secret + "\n"),
    },
    # PHP ends a secret there when it reads Basic; RFC 7617 permits no such character in one.
    "NUL_and_more_behind_the_secret": {
        "with a NUL and more behind the secret": lambda key, secret: basic(key, secret + "\0x"),
    },
}


def forged(api: PayoutIntents, forgery: Forgery) -> str | None:
    """The value of Authorization after a forgery of the primary credentials."""
    pair = api.credentials()
    return forgery(pair.key, pair.secret)


def forgeries(api: PayoutIntents, kind: Mapping[str, Forgery]) -> Iterator[tuple[str, str | None]]:
    """Returns values of Authorization by their fault, for each that is really wrong: digits have no letter case."""
    right = {basic(*known) for known in api.known_pairs()}
    for what, forgery in kind.items():
        value = forged(api, forgery)
        if value not in right:
            yield what, value


FAILURES = {
    kind: next(iter(FORGERIES[kind])) for kind in ("absent", "wrong_secret", "unknown_key", "other_scheme")
}
"""One forgery of several kinds, in words that follow the noun of a request."""


def unauthenticated(api: PayoutIntents, target: Resource | str, kind: str, asked: Ask) -> Reply:
    """Returns the answer to a cancel or a read with the forgery of that kind in FAILURES."""
    value = forged(api, FORGERIES[kind][FAILURES[kind]])
    if asked is Ask.READ:
        return api.read(target, authorization=value)
    return api.post(target, BODY, change={"Authorization": value})


def any_secret_will_do(api: PayoutIntents, intent: Resource) -> bool:
    """Whether an intent is read with a wrong secret, which PI-40 judges: then additions are no matter."""
    wrong = ("no-such-secret-at-all", "no-such-secret:at-all")
    return any(api.read(intent, authorization=api.authorization(secret=one)).ok for one in wrong)


# -- forms: refused, but for no documented cause ----------------------------------------------------------------------

# Each is about an intent that could be cancelled, or about one that is cancelled already.
Form = Callable[[PayoutIntents, Resource, Resource], Reply]
WRONG_FORMS: Mapping[str, Form] = {
    "broken JSON": lambda api, intent, _: api.post(intent, b'{"reason": '),
    "a body that is no object": lambda api, intent, _: api.post(intent, b'["reason"]'),
    "a body that is not UTF-8": lambda api, intent, _: api.post(intent, b'{"reason": "\xff\xfe"}'),
    "a reason that is a number": lambda api, intent, _: api.post(intent, b'{"reason": 7}'),
    "a reason of 600 characters": lambda api, intent, _: api.post(intent, body_of("x" * 600)),
    "a body in XML": lambda api, intent, _: api.post(
        intent, b"<reason/>", change={"Content-Type": "application/xml"}
    ),
    "no credentials": lambda api, _, done: api.post(done, b"{}", change={"Authorization": None}),
    "undecodable credentials": lambda api, _, done: api.post(
        done, b"{}", change={"Authorization": "Basic ***"}
    ),
    "a Bearer token": lambda api, _, done: api.post(
        done, b"{}", change={"Authorization": f"Bearer {api.credentials().secret}"}
    ),
    "a read without credentials": lambda api, _, done: api.read(done, authorization=None),
}

# -- keys and bodies --------------------------------------------------------------------------------------------------

# What a comparison that is too coarse takes for the reason FINE.
FINE = "ordered twice, or 2 times: caf\u00e9 \u5ba2"
BLANK = "a blank more at its beginning"
NEAR_MISSES = {
    BLANK: f" {FINE}",
    "a comma less": "ordered twice or 2 times: caf\u00e9 \u5ba2",
    "the same letters in another order": "ordered ewitc, or 2 times: caf\u00e9 \u5ba2",
    "another accent": "ordered twice, or 2 times: caf\u00ea \u5ba2",
    "another figure": "ordered twice, or 3 times: caf\u00e9 \u5ba2",
    "another letter of a script that isn't Latin": "ordered twice, or 2 times: caf\u00e9 \u9867",
}

# The first reason, which begins with words in small letters, and what makes another one of it.
BODIES: dict[str, tuple[str | None, Callable[[str], str | None]]] = {
    "reason_left_out": ("ordered twice", lambda reason: None),
    "reason_added": (None, lambda reason: "ordered twice"),
    "capitals": ("ordered twice", lambda reason: reason.replace("ordered twice", "Ordered Twice")),
    "last_character": (plain(500), lambda reason: reason[:-1] + "Y"),
}

BODIES_IN_WORDS = {
    "reason_left_out": "a cancel under a used key, now without the reason,",
    "reason_added": "a cancel under a used key, now with a reason,",
    "capitals": "a cancel under a used key, whose reason has other capitals,",
    "last_character": "a cancel under a used key, whose reason differs in its last character,",
}
"""Cancels of BODIES as the subject of a sentence."""

# Each with a part of its own: a target keeps keys for longer than a run takes.
ODD_KEYS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "300_characters": lambda key: (key.ljust(300, "k"),),
    "4000_characters": lambda key: (key.ljust(4000, "k"),),
    "no_UUID": lambda key: (f'order #42; retry={key}, "twice" {{x}} %00',),
    "sent_twice": lambda key: (f"one-key-of-two-{key}", f"the-other-key-{key}"),
}

KEYS_IN_WORDS = {
    "300_characters": "a key of 300 characters",
    "4000_characters": "a key of 4,000 characters",
    "no_UUID": "a key that is no UUID",
    "sent_twice": "two different keys",
}


def _last_of(length: int) -> Callable[[str], tuple[str, str]]:
    return lambda key: (key.ljust(length - 1, "x") + "A", key.ljust(length - 1, "x") + "B")


# Two keys of a kind where letter case means something: as text, UUIDs in capitals are the same UUIDs.
NEAR_KEYS: dict[str, Callable[[str], tuple[str, str]]] = {
    "letter_case": lambda key: (f"Order-Cancel-{key}-z", f"oRDER-cANCEL-{key}-Z"),
    "hyphens": lambda key: (f"order-cancel-{key}-z", f"ordercancel{key}z"),
    "beginning": lambda key: (f"A-{key}-cancel", f"B-{key}-cancel"),
    "order_of_characters": lambda key: (f"order-{key}-12", f"order-{key}-21"),
    "zeros_before_a_number": lambda key: (str(int(key, 16)), f"00{int(key, 16)}"),
    **{f"last_of_{length}_characters": _last_of(length) for length in (64, 128, 255, 300)},
}
# Some targets refuse keys of 300 characters, and no other key is a number.
UNLIKE_OTHERS = ("last_of_300_characters", "zeros_before_a_number")

# -- ids beside the path: many frameworks bind path, query and body to the same names ---------------------------------

_NAMES = (
    "id",
    "payout_intent_id",
    "payoutIntentId",
    "payout_intent",
    "intent_id",
    "intentId",
    "_id",
    "payout_id",
    "payoutId",
    "payout_intent[id]",
)
_OTHERS = {"merchant_id": "another merchant", "environment": "live", "status": "paid"}


def naming(other: str) -> Iterator[Mapping[str, Any]]:
    """Fields that name the intent `other`: all at once, and then one by one, as a target may refuse unknown ones."""
    named = {**dict.fromkeys(_NAMES, other), "ids": [other], **_OTHERS}
    yield named
    yield {name: value for name, value in named.items() if name not in _OTHERS}
    yield from ({name: value} for name, value in named.items())


def cancel_naming(
    api: PayoutIntents, given: Given, intent: Resource, place: str, names: Mapping[str, Any]
) -> tuple[Resource, Reply | None]:
    """The answer to a cancel with `names` in its `place`, body or query; None where none comes.

    It is about `intent`, or about another one where that may have been cancelled without an answer.
    """

    def ask(one: Resource) -> Reply:
        if place == "body":
            return api.post(one, encoded({"reason": "ordered twice", **names}))
        path = f"{cancel_path(one)}?{urlencode(names, doseq=True)}"
        return api.send("POST", path, api.headers(), BODY)

    what = f"a cancel whose {place} names another intent"
    try:
        return api.odd_of(partial(given, "requires_approval"), ask, to=what, first=intent)
    except Violation:
        # It is never answered, and so isn't accepted; what became of it isn't known.
        return given("requires_approval"), None


def read_naming(api: PayoutIntents, intent: Resource, names: Mapping[str, Any]) -> Reply | None:
    """The answer to a read with `names` in its query; None where none comes."""
    query = f"?{urlencode(names, doseq=True)}"
    return api.answered(lambda: api.read(intent, query=query), to="a read whose query names another intent")
