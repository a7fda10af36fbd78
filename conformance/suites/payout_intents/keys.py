"""Idempotency-Keys and bodies that a target may take for others than they are."""

from collections.abc import Callable

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect
from conformance.suites.payout_intents.texts import plain
from conformance.suites.payout_intents.verbs import KEYS, body_of

# Bodies that are refused, whichever key they come with.
WRONG_BODIES = {
    "a_reason_that_is_a_number": b'{"reason": 7}',
    "broken_JSON": b'{"reason": ',
    "a_reason_of_600_characters": body_of("x" * 600),
}

# Who else may have used a key, as the state source is asked for it.
OWNERS = {
    "other_merchant": {"owner": "other_merchant"},
    "other_environment": {"environment": "other"},
}

# The first reason, and another one.
BODIES = {
    "reason_left_out": ("ordered twice", None),
    "reason_added": (None, "ordered twice"),
    "capitals": ("ordered twice", "Ordered Twice"),
    "last_character": (plain(200), plain(200)[:-1] + "Y"),
}

# What a comparison that is too coarse takes for the same.
BLANK = "a blank more"
NEAR_MISSES = {
    BLANK: " ordered twice, or 2 times: caf\u00e9",
    "a comma less": "ordered twice or 2 times: caf\u00e9",
    "the same letters in another order": "ordered ewitc, or 2 times: caf\u00e9",
    "another accent": "ordered twice, or 2 times: caf\u00ea",
    "another figure": "ordered twice, or 3 times: caf\u00e9",
}

# Each with something of its own: a target keeps keys for longer than a run takes.
ODD_KEYS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "300_characters": lambda key: (key.ljust(300, "k"),),
    "4000_characters": lambda key: (key.ljust(4000, "k"),),
    "no_UUID": lambda key: (f'order #42; retry={key}, "twice" {{x}} %00',),
    "sent_twice": lambda key: (f"one-key-of-two-{key}", f"the-other-key-{key}"),
}

# Keys of a kind where letter case means something: as text, UUIDs in capitals are the same UUIDs.
NEAR: dict[str, Callable[[str], tuple[str, str]]] = {
    "letter_case": lambda key: (f"Order-Cancel-{key}-z", f"oRDER-cANCEL-{key}-Z"),
    "hyphens": lambda key: (f"order-cancel-{key}-z", f"ordercancel{key}z"),
    "last_of_64_characters": lambda key: (key.ljust(63, "x") + "A", key.ljust(63, "x") + "B"),
    "last_of_128_characters": lambda key: (key.ljust(127, "x") + "A", key.ljust(127, "x") + "B"),
    "last_of_255_characters": lambda key: (key.ljust(254, "x") + "A", key.ljust(254, "x") + "B"),
    "last_of_300_characters": lambda key: (key.ljust(299, "x") + "A", key.ljust(299, "x") + "B"),
}


def replays(first: Reply, again: Reply, which: str) -> None:
    """A retry gets the first answer again, in all that is documented of it."""
    expect.that(
        again.status == first.status,
        expected=f"{which} to get the first answer's status, {first.status}",
        observed=summary.of(again),
        reply=again,
        hint="Keep status and body under the key, and look the key up before the status of the intent.",
    )
    wrong = [
        f"{key} was {first.at(key)!r} and is {again.at(key)!r}"
        for key in KEYS
        if not equality.same(first.at(key), again.at(key))
    ]
    expect.that(
        not wrong, expected=f"{which} to get the first answer's body", observed="; ".join(wrong), reply=again
    )
