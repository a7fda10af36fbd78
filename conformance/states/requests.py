"""Resources from the target's own API, by the recipes of a profile (`[states.requests]`).

Requests are authenticated as the target's are, and go through its client, limits and guard. What goes wrong here is
never held against the target: what needs the resource is not testable, with the request and its answer as the reason.
"""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from conformance import contracts, pointer
from conformance.errors import BudgetError, NotTestable, SourceFault, StateRefused, TransportError
from conformance.http import summary
from conformance.http.client import Client, Request
from conformance.http.reply import MISSING, Reply
from conformance.http.segment import segment
from conformance.model import Auth, Credentials, Exchange
from conformance.profile.recipes import Recipe, Recipes, Step, Until
from conformance.report.safe import line
from conformance.states.documented import Documented
from conformance.states.prepared_resources import PreparedResources
from conformance.states.resource import Resource, Wanted

# How many of a state that takes its time are on their way ahead of need.
AHEAD = 4
# So many are begun at most for one that is wanted, as long as answers are lost.
_TRIES = 4
_SHOWN = 160
_SENT = 120
# Between two looks at a resource that isn't yet in its state.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Did:
    """One request of a recipe and what came of it, in words, for people who write recipes."""

    request: str
    answer: str


@dataclass(slots=True)
class _Made:
    """A resource on its way: its values for placeholders, and the facts of the latest answer that showed it."""

    values: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)


class StateRequests:
    """Makes resources by recipes.

    `cite` puts exchanges on record, `pace` waits until one more request may be sent, `tell` hears of each. `prepared`
    holds resources that were begun ahead of need, for all workers of a run; without one, none are. Raises
    NotTestable for all that the profile or the target can't do, TransportError where no answer comes.
    """

    def __init__(
        self,
        recipes: Recipes,
        documented: Documented,
        client: Client,
        credentials: Mapping[str, Credentials],
        *,
        prepared: PreparedResources | None = None,
        cite: Callable[[list[Exchange]], object] = lambda exchanges: None,
        pace: Callable[[], object] = lambda: None,
        tell: Callable[[Did], object] = lambda did: None,
    ) -> None:
        self._recipes, self._documented, self._client = recipes, documented, client
        self._credentials, self._prepared = credentials, prepared
        self._cite, self._pace, self._tell = cite, pace, tell

    def setup(self, wanted: Wanted) -> Resource:
        """Returns a resource in that state, one that was begun ahead if there is one."""
        recipe = self._recipe(wanted)
        if recipe.until is None or self._prepared is None:
            resource = self._begun(wanted, recipe)
            return resource if recipe.until is None else self._awaited(resource, recipe.until)
        self._prepared.known(wanted)
        begun = self._prepared.take(wanted)
        if begun is None:
            begun = self._begun(wanted, recipe)
        elif self._prepared.is_slow(wanted):
            self._ahead(wanted, recipe, 1)
        try:
            return self._awaited(begun, recipe.until)
        except SourceFault as fault:
            self._prepared.came_late(wanted, fault)
            raise

    def teardown(self, resource: Resource) -> None:
        """Does nothing: the API of a target has no way to take a resource back."""

    def settle(self, resource: Resource) -> None:
        """Raises NotTestable: no request of a recipe asks for a payment now."""
        raise NotTestable(
            "states.requests has no request that settles",
            hint="Set capabilities.settlement to false, or use a provider-state URL.",
        )

    # -- the recipe ----------------------------------------------------------------------------------------

    def _recipe(self, wanted: Wanted) -> Recipe:
        """The recipe of a state. Raises NotTestable where the profile has none."""
        table = f"states.requests.{wanted.pool}"
        kind = contracts.contract(wanted.contract).states.kind(wanted.extra, wanted.status)
        if wanted.pool in self._recipes.absent:
            raise StateRefused(f"{table} is false")
        recipe = self._recipes.states.get(wanted.pool)
        if recipe is None and kind is not None:
            raise NotTestable(
                f"states.requests doesn't say {kind.question}",
                hint=f"Add [{table}], or {wanted.pool} = false to [states.requests] where {kind.none}.",
            )
        if recipe is None:
            raise StateRefused(
                f"the profile has no [{table}], so it can't make {wanted.described()}",
                cause=f"the profile has no [{table}]",
                hint=f"Add [{table}]: what has to be done, beyond create, to get there.",
            )
        if wanted.webhook_url is not None and not recipe.names("webhook_url"):
            raise NotTestable(
                f"states.requests has no {{webhook_url}} in it, so it can't make {wanted.described()}",
                hint='Put "{webhook_url}" where create takes the address of webhooks.',
            )
        return recipe

    def _begun(self, wanted: Wanted, recipe: Recipe) -> Resource:
        """Returns a new resource that has gone through the steps; it may not be in its state yet.

        Where an answer is lost, nobody knows whether the request was carried out: that resource is given up, and
        another one begun, a few times at most.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._begun_once(wanted, recipe)
            except TransportError as fault:
                if fault.kind not in ("unavailable", "reset"):
                    raise
                self._tell(Did(f"a request for {wanted.described()}", f"{fault.message}: begun anew"))
        return self._begun_once(wanted, recipe)

    def _begun_once(self, wanted: Wanted, recipe: Recipe) -> Resource:
        made = _Made(
            {"unique": str(uuid4()), "status": wanted.status, "webhook_url": wanted.webhook_url or ""}
        )
        answer = self._sent(wanted, recipe.create, made)
        one = self._id(wanted, answer)
        made.values["id"] = one
        made.facts = self._facts(answer, one) or {}
        for step in recipe.steps:
            self._renew(made, self._sent(wanted, step, made))
        if recipe.cancel:
            self._renew(made, self._cancelled(wanted, one))
        kind = contracts.contract(wanted.contract).states.kind(wanted.extra, wanted.status)
        return Resource(one, wanted, {**made.facts, **({} if kind is None else kind.params)})

    def _ahead(self, wanted: Wanted, recipe: Recipe, number: int) -> None:
        """Begins some more resources, all at once, and leaves them to whoever asks next."""
        assert self._prepared is not None
        prepared = self._prepared

        def begin(_: int) -> None:
            # The check that leases the resource gets the error.
            with suppress(NotTestable, TransportError, BudgetError):
                prepared.put(self._begun(wanted, recipe))

        with ThreadPoolExecutor(max_workers=number) as pool:
            list(pool.map(begin, range(number)))

    def _awaited(self, resource: Resource, until: Until) -> Resource:
        """Looks at a resource until it is in its state."""
        wanted, prepared = resource.wanted, self._prepared
        step = Step("GET", until.path, status=tuple(range(200, 600)))
        made = _Made({"status": wanted.status, "id": resource.id, "unique": ""}, dict(resource.facts))
        ends, pause = time.monotonic() + until.within_s, _FIRST_PAUSE_S
        while True:
            reply = self._sent(wanted, step, made)
            said = _at(reply, until.pointer) if reply.ok else None
            if reply.ok and _same(said, until.equals):
                if prepared is not None:
                    prepared.came(wanted)
                self._renew(made, reply)
                return replace(resource, facts=made.facts)
            if time.monotonic() + pause > ends:
                break
            if prepared is not None and prepared.begins(wanted):
                self._ahead(wanted, self._recipe(wanted), AHEAD)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        shown = "" if said is None else f": {until.pointer or 'the answer'} is {line(_json(said), 60)}"
        raise self._fault(
            wanted,
            reply,
            f"{shown}, where {line(_json(until.equals), 60)} was to come within {until.within_s:g} s",
            "Does it take longer (until.within_s), or does that value never come? Ask for it by hand.",
        )

    # -- one request ---------------------------------------------------------------------------------------

    def _sent(self, wanted: Wanted, step: Step, made: _Made) -> Reply:
        """Sends a request of a recipe. Raises SourceFault for an answer that it doesn't expect."""
        values = made.values
        path = _filled_path(step.path, values)
        pair = self._credentials[wanted.whose]

        def request() -> Request:
            values["now"] = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            body, kind = _encoded(step, values)
            headers = [*self._documented.headers(pair, body or b"")]
            headers += [("Content-Type", kind)] if kind else []
            own = [(name, _filled(value, values)) for name, value in step.headers]
            key = contracts.contract(wanted.contract).requests.key_header
            if (
                key is not None
                and step.method == "POST"
                and key.lower() not in [one.lower() for one, _ in own]
            ):
                own.append((key, str(uuid4())))
            return Request(step.method, path, (*headers, *own), body, Auth.DOCUMENTED)

        self._pace()
        reply = self._client.send(request)
        self._note(reply)
        if reply.status not in step.status if step.status else not reply.ok:
            raise self._fault(wanted, reply, "", _advice(reply.status))
        return reply

    def _cancelled(self, wanted: Wanted, one: str) -> Reply:
        """Sends the documented cancel of what was created just now."""
        self._pace()
        reply = self._documented.cancel(one, wanted.whose)
        self._note(reply)
        answers = contracts.contract(wanted.contract).answers
        if not reply.ok or not answers.succeeded(reply.json):
            raise self._fault(wanted, reply, "", "The documented cancel of what was just created is refused.")
        return reply

    def _note(self, reply: Reply) -> None:
        self._tell(Did(_asked(reply), summary.brief(reply, _SHOWN, code=False)))

    def _id(self, wanted: Wanted, reply: Reply) -> str:
        """The id in the answer to a create."""
        one = _at(reply, self._recipes.id)
        if isinstance(one, bool) or not isinstance(one, str | int) or one == "":
            raise self._fault(
                wanted,
                reply,
                f", which has no id at {self._recipes.id or 'its root'}",
                "Set create.id to its place.",
            )
        return str(one)

    def _facts(self, reply: Reply, one: str) -> dict[str, Any] | None:
        """The facts in an answer about a resource, None where it shows another one, or none."""
        if str(_at(reply, self._recipes.id)) != one:
            return None
        if self._recipes.facts is not None:
            found = {name: _at(reply, where) for name, where in self._recipes.facts.items()}
            return {name: value for name, value in found.items() if value is not None}
        shown = _at(reply, pointer.parent(self._recipes.id))
        if not isinstance(shown, dict):
            return None
        answers = self._documented.answers
        return {key: shown[key] for key in (*answers.keys, _last(answers.status)) if key in shown}

    def _renew(self, made: _Made, reply: Reply) -> None:
        """Takes the facts of a later answer; where it shows none, the state of the earlier ones is out of date."""
        found = self._facts(reply, made.values["id"])
        if found is None:
            made.facts.pop(_last(self._documented.answers.status), None)
        else:
            made.facts = {**made.facts, **found}

    def _fault(self, wanted: Wanted, reply: Reply, more: str, hint: str) -> SourceFault:
        """The error of a request whose answer isn't the expected one; the exchange goes on record."""
        self._cite([reply.exchange])
        cause = f"{_asked(reply)} was answered by {summary.brief(reply, _SHOWN, code=False)}{more}"
        return SourceFault(
            f"states.requests can't make {wanted.described()}: {cause}", cause=cause, hint=hint
        )


def _asked(reply: Reply) -> str:
    """Returns the request of an answer in words, as it is recorded: without secrets."""
    exchange = reply.exchange
    path = "/" + exchange.url.partition("://")[2].partition("/")[2]
    body = exchange.request_body.decode("utf-8", "backslashreplace")
    return f"{exchange.method} {line(path, _SENT)}" + (f" with {line(body, _SENT)}" if body else "")


def _advice(status: int) -> str:
    if status in (401, 403):
        return "May these credentials create one? The request is authenticated as the API documents it."
    if status == 404:
        return "Check its path in [states.requests]: it is appended to target.base_url."
    if status == 429:
        return "It has a quota: set states.requests_per_second to what it allows."
    if status >= 500:
        return "It failed: the log of the target says why."
    return "Correct this request in [states.requests]; status = [...] says which answers are right."


def _encoded(step: Step, values: Mapping[str, str]) -> tuple[bytes | None, str]:
    if step.fields is None:
        return (b"" if step.method in ("POST", "PUT", "PATCH") else None), ""
    body = _filled(step.fields, values)
    if step.form:
        return urlencode(list(_flat("", body))).encode(), "application/x-www-form-urlencoded"
    return json.dumps(body).encode(), "application/json"


def _flat(name: str, value: Any) -> list[tuple[str, str]]:
    """Returns the fields of a form, nested ones as `outer[inner]`."""
    if isinstance(value, Mapping):
        return [pair for key, one in value.items() for pair in _flat(f"{name}[{key}]" if name else key, one)]
    if isinstance(value, list):
        return [pair for one in value for pair in _flat(f"{name}[]", one)]
    return [(name, str(value).lower() if isinstance(value, bool) else str(value))]


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, Mapping):
        return {key: _filled(one, values) for key, one in value.items()}
    return [_filled(one, values) for one in value] if isinstance(value, list) else value


def _filled_path(path: str, values: Mapping[str, str]) -> str:
    for name, text in values.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", segment(text) if text else "")
    return path


def _at(reply: Reply, where: str) -> Any:
    """Returns the value at a JSON Pointer in an answer, None where there is none."""
    try:
        found = pointer.resolve(reply.json, where)
    except LookupError:
        return None
    return None if found is MISSING else found


def _same(one: Any, other: Any) -> bool:
    """Returns whether two JSON values are equal; true is no number."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
