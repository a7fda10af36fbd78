"""What a defect may get wrong in any API: changes, each a class of one step that is mixed in before an API's own.

A defect that is made of changes is one line of a table, in a module `defects_*` beside the API that it bends:

    wd("wd-amount-is-a-number", "WD-19", "amount is a JSON number.", shows(lambda it: {"amount": float(it.amount)}))

That is: its id, the requirements that it breaks (the main one first, the others behind commas), the sentence that
`--list-defects` prints, and the changes, each told what to do by values or by a function of the resource (`it`).
Marks follow by name (`warns=True`, `late=True`, `watch_s=6`). To add a defect, add a line; where no change fits,
write a class with `@defect`, or a new change: here, or in an API's own `changes` if it bends what only that API has.
"""

# mypy: disable-error-code="safe-super"
# Behind a change there is always an API, whose steps are none of the abstract ones.

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from copy import copy
from dataclasses import replace
from html import escape
from typing import Any, NoReturn, TypedDict, Unpack

from conformance.sandbox.api import Api, Payload, R
from conformance.sandbox.credentials import Account
from conformance.sandbox.messages import HANG_UP, Headers, Refusal, Request, Response
from conformance.sandbox.windows import LeavesAWindow

When = Callable[[R], bool]
Effect = Callable[[Any, R], object]
"""What is done to a resource, given its API and it."""


LATER_S = 0.2
"""Long after every answer, and before a run of however few checks looks again."""


class Otherwise(TypedDict, total=False):
    """What of a refusal is another."""

    status: int
    code: str
    message: str
    headers: Headers


def crash(why: str) -> NoReturn:
    """End in a 500, as an exception that nobody catches does."""
    raise AssertionError(why)


def refuse(status: int, code: str, message: str) -> NoReturn:
    """Refuse a request."""
    raise Refusal(status, code, message)


def always(row: object) -> bool:
    """Whatever the resource."""
    return True


def state(*statuses: str) -> Callable[[Any], bool]:
    """Whether a resource is in one of these states."""
    return lambda row: row.status in statuses


# What is shown


def shows(fields: Callable[[R], Payload], when: Callable[[Any], bool] = always) -> type[Api[R]]:
    """Some fields have other values wherever a resource is shown."""

    class Shows(Api[Any]):
        def shown(self, row: Any) -> Payload:
            return super().shown(row) | fields(row) if when(row) else super().shown(row)

    return Shows


def renders(form: Callable[[Payload], Payload]) -> type[Api[Any]]:
    """All that is shown of a resource is made into something else."""

    class Renders(Api[Any]):
        def shown(self, row: Any) -> Payload:
            return form(super().shown(row))

    return Renders


def answers(fields: Callable[[R], Payload]) -> type[Api[R]]:
    """Some fields have other values in the answer to a cancel alone."""

    class Answers(Api[Any]):
        def answered(self, row: Any) -> Payload:
            return super().answered(row) | fields(row)

    return Answers


def answers_without(name: str) -> type[Api[Any]]:
    """The answer to a cancel alone lacks a field."""

    class AnswersWithout(Api[Any]):
        def answered(self, row: Any) -> Payload:
            return without(name)(super().answered(row))

    return AnswersWithout


def reads(fields: Callable[[R], Payload], when: Callable[[Any], bool] = always) -> type[Api[R]]:
    """Some fields have other values in the answer to a read alone."""

    class Reads(Api[Any]):
        def read_fields(self, row: Any) -> Payload:
            return super().read_fields(row) | fields(row) if when(row) else super().read_fields(row)

    return Reads


def without(name: str) -> Callable[[Payload], Payload]:
    """For `renders`: leave out a field."""
    return lambda fields: {key: value for key, value in fields.items() if key != name}


def without_nulls(fields: Payload) -> Payload:
    """For `renders`: leave out what is null."""
    return {key: value for key, value in fields.items() if value is not None}


def wraps(form: Callable[[Payload], Payload]) -> type[Api[Any]]:
    """Other JSON stands around what is shown."""

    class Wraps(Api[Any]):
        def wrapped(self, fields: Payload) -> Payload:
            return form(fields)

    return Wraps


def succeeds_with(status: int) -> type[Api[Any]]:
    """A success has another status."""

    class SucceedsWith(Api[Any]):
        success_status = status

    return SucceedsWith


def success(form: Callable[[R, Response], Response]) -> type[Api[R]]:
    """The answer to a cancel that succeeds is made into another one."""

    class Success(Api[Any]):
        def success(self, row: Any) -> Response:
            return form(row, super().success(row))

    return Success


def reading(form: Callable[[Api[Any], R, Response], Response]) -> type[Api[R]]:
    """The answer to a read is made into another one."""

    class Reading(Api[Any]):
        def shown_to_reader(self, row: Any) -> Response:
            return form(self, row, super().shown_to_reader(row))

    return Reading


def headed(response: Response, name: str, value: str) -> Response:
    """The same answer with a header more."""
    return replace(response, headers=(*response.headers, (name, value)))


def labelled(content_type: str) -> Callable[[object, Response], Response]:
    """For `success`: another content type."""
    return lambda _, response: replace(response, content_type=content_type)


def answers_before_writing() -> type[Api[Any]]:
    """The answer to a cancel shows the resource as it was."""

    class AnswersBeforeWriting(Api[Any]):
        def write(self, row: Any, reason: str | None = None) -> None:
            self.before = self.shown(row)
            super().write(row, reason)

        def answered(self, row: Any) -> Payload:
            return self.before

    return AnswersBeforeWriting


def reads_what_was() -> type[Api[Any]]:
    """What is read after a cancel is how the resource was before."""

    class ReadsWhatWas(Api[Any]):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.cache: dict[str, Payload] = {}

        def read_fields(self, row: Any) -> Payload:
            return self.cache.get(row.id) or super().read_fields(row)

        def write(self, row: Any, reason: str | None = None) -> None:
            self.cache[row.id] = self.shown(row)
            super().write(row, reason)

    return ReadsWhatWas


# What is decided and written


def cancels_in(*statuses: str) -> type[Api[Any]]:
    """These are the states in which a resource is cancelled."""

    class CancelsIn(Api[Any]):
        cancellable = frozenset(statuses)

    return CancelsIn


def replays_success(canceled: str, *others: str) -> type[Api[Any]]:
    """A second cancel succeeds without a second write."""

    class ReplaysSuccess(Api[Any]):
        cancellable = frozenset({canceled, *others})

        def write(self, row: Any, reason: str | None = None) -> None:
            if row.status != canceled:
                super().write(row, reason)

    return ReplaysSuccess


def writes(values: Callable[[R], Payload]) -> type[Api[R]]:
    """A cancel sets some of the resource's own values to others."""

    class Writes(Api[Any]):
        def write(self, row: Any, reason: str | None = None) -> None:
            super().write(row, reason)
            sets(values)(self, row)

    return Writes


def keeps(*names: str) -> type[Api[Any]]:
    """A cancel leaves some of the resource's own values as they were."""

    class Keeps(Api[Any]):
        def write(self, row: Any, reason: str | None = None) -> None:
            before = copy(row)
            super().write(row, reason)
            _restore(row, before, names)

    return Keeps


def comes_undone(seconds: float, *names: str, when: Callable[[Any], bool] = always) -> type[Api[Any]]:
    """So long after a cancel some of the resource's own values are again what they were before."""

    class ComesUndone(Api[Any]):
        def write(self, row: Any, reason: str | None = None) -> None:
            before = copy(row)
            super().write(row, reason)
            if when(before):
                _after(seconds, _restore, row, before, names)

    return ComesUndone


def _after(seconds: float, act: Callable[..., object], *arguments: object) -> None:
    loop = asyncio.get_running_loop()
    if seconds:
        loop.call_later(seconds, act, *arguments)
    else:
        loop.call_soon(act, *arguments)  # before anything else that is due


def _restore(row: object, before: object, names: tuple[str, ...]) -> None:
    for name in names:
        setattr(row, name, getattr(before, name))


def changes_later(values: Callable[[Any, R], Payload]) -> type[Api[R]]:
    """A moment after a cancel some of the resource's own values become others."""

    class ChangesLater(Api[Any]):
        def write(self, row: Any, reason: str | None = None) -> None:
            super().write(row, reason)
            later(sets(lambda it: values(self, it)))(self, row)

    return ChangesLater


def pays_also(when: Callable[[R], bool]) -> type[Api[R]]:
    """Settlement pays more than it may."""

    class PaysAlso(Api[Any]):
        def payable(self, row: Any) -> bool:
            return super().payable(row) or when(row)

    return PaysAlso


def blocks_the_payout(code: str, when: Callable[[Any], bool] = always) -> type[Api[Any]]:
    """A cancel that is refused with this code leaves a mark, by which the resource is never paid."""

    class BlocksThePayout(Api[Any]):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.marked: set[str] = set()

        async def cancel(self, request: Request, given: str) -> Response:
            try:
                return await super().cancel(request, given)
            except Refusal as refusal:
                row = self.known(given)
                if row is not None and refusal.code == code and when(row):
                    self.marked.add(row.id)
                raise

        def payable(self, row: Any) -> bool:
            return row.id not in self.marked and super().payable(row)

    return BlocksThePayout


def knows_own_cancels_only(*statuses: str) -> type[Api[Any]]:
    """Only what this process has cancelled is refused as cancelled."""

    class KnowsOwnCancelsOnly(Api[Any]):
        cancellable = frozenset(statuses)

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.gone: set[str] = set()

        def check_cancellable(self, row: Any) -> None:
            if row.id in self.gone:
                raise self.not_cancellable(row)
            super().check_cancellable(row)
            self.gone.add(row.id)

    return KnowsOwnCancelsOnly


def check_then_act(when: Callable[[Any], bool] = always) -> type[Api[Any]]:
    """Between the look at the status and the write there is no lock, and a window for a second cancel."""

    class CheckThenAct(LeavesAWindow, Api[Any]):
        def exclusive(self, row: Any) -> AbstractAsyncContextManager[Any]:
            return nullcontext() if when(row) else super().exclusive(row)

        async def deliberate(self, row: Any) -> None:
            if when(row):
                await self.window.meet(row.id)

    return CheckThenAct


# Refusals, and what they leave behind


def refused(when: Callable[[Any], bool] = always, **other: Unpack[Otherwise]) -> type[Api[Any]]:
    """The refusal because of the status is another one."""

    class Refused(Api[Any]):
        def not_cancellable(self, row: Any) -> Refusal:
            refusal = super().not_cancellable(row)
            return refusal.but(**other) if when(row) else refusal

    return Refused


def refused_as_unknown(*statuses: str) -> type[Api[Any]]:
    """In these states a resource isn't found for cancelling."""

    class RefusedAsUnknown(Api[Any]):
        def not_cancellable(self, row: Any) -> Refusal:
            return self.not_found("") if row.status in statuses else super().not_cancellable(row)

    return RefusedAsUnknown


def explains(why: Callable[[R, str], str]) -> type[Api[R]]:
    """The message of the refusal because of the status is another one."""

    class Explains(Api[Any]):
        def why_not(self, row: Any) -> str:
            return why(row, super().why_not(row))

    return Explains


def unknown(**other: Unpack[Otherwise]) -> type[Api[Any]]:
    """The refusal of an unknown id is another one."""

    class Unknown(Api[Any]):
        def not_found(self, given: str) -> Refusal:
            return super().not_found(given).but(**other)

    return Unknown


def unknown_crashes() -> type[Api[Any]]:
    """An unknown id ends in a 500."""

    class UnknownCrashes(Api[Any]):
        def not_found(self, given: str) -> Refusal:
            crash(given)

    return UnknownCrashes


def unauthorized(reasons: tuple[str, ...] = (), **other: Unpack[Otherwise]) -> type[Api[Any]]:
    """The refusal of failed authentication is another one, for all reasons or for some."""

    class Unauthorized(Api[Any]):
        def auth_refusal(self, reason: str) -> Refusal:
            refusal = super().auth_refusal(reason)
            return refusal if reasons and reason not in reasons else refusal.but(**other)

    return Unauthorized


def not_owned(other: Callable[[Any, Account, R], Refusal | None]) -> type[Api[R]]:
    """The refusal of somebody else's resource is another one, unless the function says None."""

    class NotOwned(Api[Any]):
        def not_owned(self, account: Account, row: Any, given: str) -> Refusal:
            return other(self, account, row) or super().not_owned(account, row, given)

    return NotOwned


def not_owned_leaves(effect: Effect[R], when: Callable[[Any], bool] = always) -> type[Api[R]]:
    """Looking for somebody else's resource, to cancel or to read it, does something to it."""

    class NotOwnedLeaves(Api[Any]):
        def not_owned(self, account: Account, row: Any, given: str) -> Refusal:
            if when(row):
                effect(self, row)
            return super().not_owned(account, row, given)

    return NotOwnedLeaves


def after_refusal(code: str, *effects: Effect[R], when: Callable[[Any], bool] = always) -> type[Api[R]]:
    """A cancel that is refused with this code does something to its resource all the same."""

    class AfterRefusal(Api[Any]):
        async def cancel(self, request: Request, given: str) -> Response:
            try:
                return await super().cancel(request, given)
            except Refusal as refusal:
                row = self.known(given)
                if row is not None and refusal.code == code and when(row):
                    for effect in effects:
                        effect(self, row)
                raise

    return AfterRefusal


def touches(api: Api[R], row: R) -> None:
    """Effect: the time of the last change moves."""
    api.touch(row)


def cancels(api: Api[R], row: R) -> None:
    """Effect: the resource is cancelled."""
    api.write(row)


def sets(values: Callable[[Any], Payload]) -> Callable[[Any, Any], None]:
    """Effect: some of the resource's own values become others."""

    def effect(api: object, row: object) -> None:
        for name, value in values(row).items():
            setattr(row, name, value)

    return effect


def later(effect: Effect[Any], seconds: float = 0) -> Effect[Any]:
    """Effect: another one, so much later, or else by LATER_S."""
    return lambda api, row: _after(seconds or LATER_S, effect, api, row)


# How errors are answered


def wraps_error(form: Callable[[Refusal], Payload], code: str = "") -> type[Api[Any]]:
    """Other JSON stands around the code and the message of an error, of all errors or of those with this code."""

    class WrapsError(Api[Any]):
        def envelope(self, refusal: Refusal) -> Payload:
            return super().envelope(refusal) if code and refusal.code != code else form(refusal)

    return WrapsError


def changes_envelope(form: Callable[[Payload], Payload]) -> type[Api[Any]]:
    """The JSON of an error is made into something else."""

    class ChangesEnvelope(Api[Any]):
        def envelope(self, refusal: Refusal) -> Payload:
            return form(super().envelope(refusal))

    return ChangesEnvelope


def errors_as(form: Callable[[Refusal], Response], code: str) -> type[Api[Any]]:
    """Errors with this code are no JSON of the API's."""

    class ErrorsAs(Api[Any]):
        def error(self, refusal: Refusal) -> Response:
            return super().error(refusal) if refusal.code != code else form(refusal)

    return ErrorsAs


def labels_errors(content_type: str) -> type[Api[Any]]:
    """Errors have another content type."""

    class LabelsErrors(Api[Any]):
        def error(self, refusal: Refusal) -> Response:
            return replace(super().error(refusal), content_type=content_type)

    return LabelsErrors


def page(refusal: Refusal) -> Response:
    """For `errors_as`: a web page."""
    text = f"<!doctype html><html><body><h1>404</h1><p>{escape(refusal.message)}</p></body></html>"
    return Response(refusal.status, text.encode(), (), "text/html")


def plain(refusal: Refusal) -> Response:
    """For `errors_as`: a word of a gateway's."""
    return Response(refusal.status, b"Unauthorized\n", refusal.headers, "text/plain")


# What is asked for


def also_cancels(method: str, where: str = "cancel") -> type[Api[Any]]:
    """Another method cancels, too, on the path that cancels or on the one that reads."""

    class AlsoCancels(Api[Any]):
        def operation(self, place: str, named: str) -> str | None:
            return "cancel" if (place, named) == (where, method) else super().operation(place, named)

    return AlsoCancels


def listens_to_override() -> type[Api[Any]]:
    """X-HTTP-Method-Override names the method."""

    class ListensToOverride(Api[Any]):
        def method_of(self, request: Request) -> str:
            override = request.values(b"x-http-method-override")
            return override[0].decode("latin-1").upper() if override else super().method_of(request)

    return ListensToOverride


def wrong_method(**other: Unpack[Otherwise]) -> type[Api[Any]]:
    """The refusal of another method is another one."""

    class WrongMethod(Api[Any]):
        def wrong_method(self, allow: str) -> Refusal:
            return super().wrong_method(allow).but(**other)

    return WrongMethod


def other_methods(answer: Callable[[Request], Response]) -> type[Api[Any]]:
    """Another method is answered by somebody else."""

    class OtherMethods(Api[Any]):
        def method_refused(self, request: Request, where: str) -> Response:
            return answer(request)

    return OtherMethods


def looks(look: Callable[[Request], object]) -> type[Api[Any]]:
    """Each request is looked at before anything else, by what may `crash` or `refuse`."""

    class Looks(Api[Any]):
        def look_at(self, request: Request) -> None:
            super().look_at(request)
            look(request)

    return Looks


def breaks_on(when: Callable[[Request], bool], answer: Response = HANG_UP) -> type[Api[Any]]:
    """The process ends on some requests: the connection is lost, or what stands in front answers."""

    class BreaksOn(Api[Any]):
        async def respond(self, request: Request) -> Response | None:
            return answer if when(request) else await super().respond(request)

    return BreaksOn


def ids(change: Callable[[str], str]) -> type[Api[Any]]:
    """An id is made into another one before it is parsed."""

    class Ids(Api[Any]):
        def parse_id(self, given: str) -> str:
            return super().parse_id(change(given))

    return Ids


def looks_up_first(*, to_cancel: bool = True) -> type[Api[Any]]:
    """Whether an id is known is told before anybody is authenticated: on cancelling, or on reading."""

    class LooksUpFirst(Api[Any]):
        async def cancel(self, request: Request, given: str) -> Response:
            if to_cancel and self.known(given) is None:
                raise self.not_found(given)
            return await super().cancel(request, given)

        async def read(self, request: Request, given: str) -> Response:
            if not to_cancel and self.known(given) is None:
                raise self.not_found(given)
            return await super().read(request, given)

    return LooksUpFirst


def cannot_be_read(*statuses: str) -> type[Api[Any]]:
    """In these states a resource isn't found for reading."""

    class CannotBeRead(Api[Any]):
        def shown_to_reader(self, row: Any) -> Response:
            if row.status in statuses:
                raise self.not_found(row.id)
            return super().shown_to_reader(row)

    return CannotBeRead


def also_owns(when: Callable[[Account, R], bool]) -> type[Api[R]]:
    """Some see resources that aren't theirs."""

    class AlsoOwns(Api[Any]):
        def owns(self, account: Account, row: Any) -> bool:
            return when(account, row) or super().owns(account, row)

    return AlsoOwns


def lets_in(who: Callable[[Any, Request], Account | None]) -> type[Api[Any]]:
    """Some requests need no further proof of whose they are; None for the others."""

    class LetsIn(Api[Any]):
        def authenticate(self, request: Request) -> Account:
            return who(self, request) or super().authenticate(request)

    return LetsIn


def finds_account(
    find: Callable[[dict[bytes, Account], bytes, Account | None], Account | None],
) -> type[Api[Any]]:
    """Whose a key is, is found otherwise: from all accounts, the key, and what would have been right."""

    class FindsAccount(Api[Any]):
        def account_for(self, key: bytes) -> Account | None:
            return find(self.accounts, key, super().account_for(key))

    return FindsAccount


def echoes_credentials(header: str, value: Callable[[Any, Request], str]) -> type[Api[Any]]:
    """A header of the answer to a cancel carries what came with the request, or what belongs to it."""

    class EchoesCredentials(Api[Any]):
        async def cancel(self, request: Request, given: str) -> Response:
            said = value(self, request)
            return headed(await super().cancel(request, given), header, said)

    return EchoesCredentials
