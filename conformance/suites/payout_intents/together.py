"""Cancels that are unusual in several ways at once, each of which has to be accepted.

An intent can be cancelled once, so that ways of putting a cancel share one: an odd reason, the spelling of a label or a
scheme, an odd key. Where such a cancel doesn't work as any other, each check tries its own way alone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from conformance.errors import NotTestable, TransportError
from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded
from conformance.suites.payout_intents.bad_requests import base64_of
from conformance.suites.payout_intents.client import PayoutIntents, body_of
from conformance.suites.payout_intents.free_keys import left_free
from conformance.suites.payout_intents.named_everywhere import takes_no_effect
from conformance.suites.payout_intents.observations import WHY, Evidence
from conformance.suites.payout_intents.others_keys import are_free
from conformance.suites.payout_intents.races import RETRIED, retries
from conformance.suites.payout_intents.reasons import FREE_TEXT, FULL, FULL_OF_ALL, LONG, LONGER, TEMPLATES
from conformance.suites.payout_intents.results import Cancelled

ESCAPED, CHUNKS, NAME_OF_A_PROPERTY, EMPTY_KEY = "escaped", "chunks", "name of a property", "empty key"
NEAR_KEY = "a key with letter case, hyphens and 255 characters"
"""Ways of putting a cancel that no table names; the others go by the reason, the label, the scheme or the key."""


@dataclass(frozen=True, slots=True)
class Way:
    """A cancel that is put in the ways of `names`: its reason, and the headers that aren't as usual.

    `key` is made from a key that no request has used; None leaves it as it is.
    """

    names: tuple[str, ...]
    reason: str
    label: str = ""
    scheme: str = ""
    key: str = ""
    is_escaped: bool = False
    is_chunked: bool = False


def _several(*names: str) -> str:
    return " | ".join(FREE_TEXT[name] for name in names)


_IN_ESCAPES = ("emoji", "quotes", "accents", "backslashes", "markup", "entities")
_AS_IT_IS = (
    "quotes",
    "line_breaks",
    "accents",
    "right_to_left",
    "asian",
    "emoji",
    "composed",
    "compatible",
)
_TYPED = ("digits_and_addresses", "typing", "invisible_characters")
_SPACES = f"{FREE_TEXT['odd_outer_spaces']}   inner   {FREE_TEXT['outer_spaces']}\u2003 \u00a0"


_WAYS = (
    Way((ESCAPED, *_IN_ESCAPES), _several(*_IN_ESCAPES), scheme="basic", key=EMPTY_KEY, is_escaped=True),
    Way(_AS_IT_IS, _several(*_AS_IT_IS), label="application/json; charset=utf-8"),
    Way(tuple(TEMPLATES), " | ".join(TEMPLATES.values()), scheme="BASIC", key=NEAR_KEY),
    Way(
        ("outer_spaces", "odd_outer_spaces", CHUNKS),
        f" \u00a0{_SPACES}",
        label="application/json;charset=UTF-8",
        is_chunked=True,
    ),
    Way(_TYPED, _several(*_TYPED)),
    Way(tuple(FULL), FULL_OF_ALL),
    Way((*LONG, *LONGER), LONGER["512_of_four_bytes"]),
    Way(
        ("looks_like_a_word_of_JSON",),
        FREE_TEXT["looks_like_a_word_of_JSON"],
        label="Application/JSON",
        key=NAME_OF_A_PROPERTY,
    ),
    Way(("looks_like_a_boolean",), FREE_TEXT["looks_like_a_boolean"]),
    Way(("looks_empty",), FREE_TEXT["looks_empty"]),
    Way(("looks_like_a_formula",), FREE_TEXT["looks_like_a_formula"]),
)
_AT_ONCE = _WAYS[:4]
"""Ways with texts that nobody takes for another's: cancels of different intents at the same moment."""
_ALSO = {NEAR_KEY: ("no_UUID",)}
_BY_NAME = {
    name: way
    for way in _WAYS
    for name in (*way.names, way.label, way.scheme, way.key, *_ALSO.get(way.key, ()))
    if name
}


@dataclass(frozen=True, slots=True)
class Done:
    """A cancel in several ways that worked as any other, and the keys that it was sent with."""

    intent: Resource
    reply: Reply
    keys: tuple[str, ...]


class Together:
    """Cancels in several ways at once, each performed once per run."""

    def __init__(self, api: PayoutIntents, given: Given, evidence: Evidence) -> None:
        self._api, self._given, self._evidence = api, given, evidence
        self._failed: list[Way] = []
        # Cancels that other checks make, for whatever reason: these have one that a way has, too.
        self._carriers: Mapping[str, Callable[[PayoutIntents, Given, Evidence], bool]] = {
            FREE_TEXT["looks_like_a_boolean"]: takes_no_effect,
            FREE_TEXT["looks_like_a_formula"]: takes_no_effect,
            FREE_TEXT["looks_empty"]: left_free,
            LONGER["512_of_four_bytes"]: partial(are_free, body="same_body"),
            FULL_OF_ALL: partial(are_free, body="other_body"),
        }

    def worked(self, *names: str) -> Done | None:
        """Returns the cancel that was put in these ways, among others, where it worked as any other does.

        None where each has to be tried alone. Raises a Violation of a control where no cancel works.
        """
        if self._given.is_isolated:
            return None
        found: Done | None = None
        for name in names:
            found = self._retried(name) if name in RETRIED else self._put(_BY_NAME[name])
            if found is None:
                return None
        return found

    def kept_apart(self) -> bool:
        """Returns whether cancels of different intents at the same moment, each in ways of its own, worked as others.

        Each was answered with its own intent and its own reason.
        """
        if self._given.is_isolated:
            return False
        done = self._at_once()
        return len(done) == len(_AT_ONCE) and None not in done.values()

    def _put(self, way: Way) -> Done | None:
        if way in self._failed:
            # What it was answered is no evidence of the check that tries alone.
            return None
        at_once = self._at_once() if way in _AT_ONCE else {}
        if way.names in at_once:
            done = at_once[way.names]
        else:
            done = self._evidence.once(
                ("together", *way.names), lambda: self._carried(way) or self._done(way)
            )
        if done is None:
            self._failed.append(way)
        return done

    def _carried(self, way: Way) -> Done | None:
        """Returns the cancel for the reason that was made for another check's sake; None where there is none."""
        carrier = self._carriers.get(way.reason)
        if carrier is not None:
            carrier(self._api, self._given, self._evidence)
        found = self._evidence.carried(way.reason)
        if found is None or not _is_fine(way.reason, *found[1:], self._evidence.cancelled(reason=WHY)):
            return None
        return Done(found[0], found[1], ())

    def _retried(self, name: str) -> Done | None:
        """Returns the cancel for a reason that several requests asked for at the same moment."""
        usual, reason = self._evidence.cancelled(reason=WHY), FREE_TEXT[name]
        try:
            rounds = retries(self._api, self._given, self._evidence)
        except (NotTestable, Violation):
            return None
        one = next((each for each in rounds if each.reasons[0] == reason), None)
        if one is None:
            return None
        replies = [reply for reply in one.race.replies if succeeded(reply)]
        fine = bool(replies) and all(_is_fine(reason, reply, one.read, usual) for reply in replies)
        return Done(one.intent, replies[0], ()) if fine else None

    def _at_once(self) -> Mapping[tuple[str, ...], Done | None]:
        """Returns what became of different intents that were cancelled at the same moment, by the names of each way.

        Where there are too few intents for that, these were cancelled one by one; none where it can't be done at all.
        """
        return self._evidence.once(("ways at the same moment",), self._raced)

    def _raced(self) -> Mapping[tuple[str, ...], Done | None]:
        api, usual = self._api, self._evidence.cancelled(reason=WHY)
        made: list[tuple[Way, Resource, tuple[str, ...]]] = []

        def begin() -> tuple[None, list[Callable[[], Reply]]]:
            made.clear()
            for way in _AT_ONCE:
                intent = self._given.used("requires_approval")
                made.append((way, intent, _keys(way, api.new_key())))
            return None, [partial(self._ask, *one) for one in made]

        try:
            if api.racers < len(_AT_ONCE):
                return {}
            race = api.raced(begin)[1]
        except NotTestable:
            return {way.names: self._done(way, intent) for way, intent, _ in made}
        except TransportError:
            return {}
        return {
            way.names: self._judged(way, intent, keys, reply, usual)
            for (way, intent, keys), reply in zip(made, race.replies, strict=True)
        }

    def _done(self, way: Way, intent: Resource | None = None) -> Done | None:
        api, usual = self._api, self._evidence.cancelled(reason=WHY)
        intent, keys = intent or self._given.used("requires_approval"), _keys(way, api.new_key())
        reply = api.answered(
            partial(self._ask, way, intent, keys), to="a cancel that is put in several unusual ways"
        )
        return self._judged(way, intent, keys, reply, usual)

    def _ask(self, way: Way, intent: Resource, keys: tuple[str, ...]) -> Reply:
        api = self._api
        body = json.dumps({"reason": way.reason}).encode() if way.is_escaped else body_of(way.reason)
        change: dict[str, str | None] = {}
        if way.is_chunked:
            change["Transfer-Encoding"] = "chunked"
        if way.label:
            change["Content-Type"] = way.label
        if way.scheme:
            pair = api.credentials()
            change["Authorization"] = f"{way.scheme} {base64_of(f'{pair.key}:{pair.secret}')}"
        more = [("Idempotency-Key", key) for key in keys]
        return api.post(intent, body, key=None, change=change, more=more)

    def _judged(
        self, way: Way, intent: Resource, keys: tuple[str, ...], reply: Reply | None, usual: Cancelled
    ) -> Done | None:
        if reply is None or not succeeded(reply):
            self._api.still_open(intent)
            return None
        read = self._api.confirmed(intent)
        is_its_own = reply.at("id") in (intent.id, MISSING)
        return Done(intent, reply, keys) if is_its_own and _is_fine(way.reason, reply, read, usual) else None


def _keys(way: Way, new: str) -> tuple[str, ...]:
    if way.key == EMPTY_KEY:
        return ("",)
    if way.key == NAME_OF_A_PROPERTY:
        return ("constructor",)
    if way.key == NEAR_KEY:
        return (f'Order-Cancel #42; retry={new}, "twice" {{x}} %00'.ljust(254, "k") + "A",)
    return (new,)


def _is_fine(reason: str, reply: Reply, read: Reply, usual: Cancelled) -> bool:
    if reply.status != usual.reply.status or not is_cancelled(read):
        return False
    if not equality.same_but_nulls(reply.at("status"), usual.reply.at("status")):
        return False
    told = [
        seen
        for seen, plainly in ((reply, usual.reply), (read, usual.after))
        if equality.same(plainly.at("failure_message"), WHY)
    ]
    return all(equality.same(seen.at("failure_message"), reason) for seen in told)
