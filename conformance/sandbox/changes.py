"""Changes by which a defect breaks any API, each a class of one step that is mixed in before an API's own.

A defect that is made of changes is one line of a table, in a module `defects_*` beside the API that it bends:

    wd("wd-amount-is-a-number", "WD-19", "amount is a JSON number.", shows(lambda it: {"amount": float(it.amount)}))

That is: its id, the requirements that it breaks (the main one first, the others behind commas), the sentence that
`--list-defects` prints, and the changes, each told what to do by values or by a function of the resource (`it`).
Marks follow by name (`warns=True`, `late=True`, `watch_s=6`). To add a defect, add a line; where no change fits,
take one of `steps`, or write a class with `@defect`. A change that several defects can use goes here or into `effects`,
or into an API's own `changes` if it bends what only that API has.
"""

# mypy: disable-error-code="safe-super,type-abstract"
# Behind a change there is always an API, whose steps are none of the abstract ones.

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from html import escape
from typing import Any, TypedDict, Unpack

from conformance.sandbox.api import Api, Payload, R
from conformance.sandbox.credentials import Account
from conformance.sandbox.messages import HANG_UP, Headers, Refusal, Request, Response
from conformance.sandbox.steps import API, after, always, asked, has, instead
from conformance.sandbox.windows import LeavesAWindow


class Otherwise(TypedDict, total=False):
    """The changed parts of a refusal."""

    status: int
    code: str
    message: str
    headers: Headers


# What is shown


def shows(fields: Callable[[R], Payload], when: Callable[[R], bool] = always) -> type[Api[R]]:
    """Some fields have other values wherever a resource is shown."""
    return after(API.shown, lambda api, shown, it: shown | fields(it) if when(it) else shown)


def renders(form: Callable[[Payload], Payload]) -> type[Api[Any]]:
    """All fields shown of a resource are replaced by the function's result."""
    return after(API.shown, lambda api, shown, it: form(shown))


def answers(fields: Callable[[R], Payload]) -> type[Api[R]]:
    """Some fields have other values in the answer to a cancel alone."""
    return after(API.answered, lambda api, shown, it: shown | fields(it))


def answers_without(name: str) -> type[Api[Any]]:
    """The answer to a cancel alone lacks a field."""
    return after(API.answered, lambda api, shown, it: without(name)(shown))


def reads(fields: Callable[[R], Payload], when: Callable[[R], bool] = always) -> type[Api[R]]:
    """Some fields have other values in the answer to a read alone."""
    return after(API.read_fields, lambda api, shown, it: shown | fields(it) if when(it) else shown)


def without(name: str) -> Callable[[Payload], Payload]:
    """For `renders`: leave out a field."""
    return lambda fields: {key: value for key, value in fields.items() if key != name}


def without_nulls(fields: Payload) -> Payload:
    """For `renders`: leave out null values."""
    return {key: value for key, value in fields.items() if value is not None}


def wraps(form: Callable[[Payload], Payload]) -> type[Api[Any]]:
    """Other JSON stands around what is shown."""
    return instead(API.wrapped, lambda api, fields: form(fields))


def success(form: Callable[[R, Response], Response]) -> type[Api[R]]:
    """The answer to a cancel that succeeds is made into another one."""
    return after(API.success, lambda api, reply, it: form(it, reply))


def reading(form: Callable[[R, Response], Response]) -> type[Api[R]]:
    """The answer to a read is made into another one."""
    return after(API.shown_to_reader, lambda api, reply, it: form(it, reply))


def headed(response: Response, name: str, value: str) -> Response:
    """The same answer with a header more."""
    return replace(response, headers=(*response.headers, (name, value)))


def labelled(content_type: str) -> Callable[[object, Response], Response]:
    """For `success`: another content type."""
    return lambda _, response: replace(response, content_type=content_type)


class _AnswersBeforeWriting(Api[Any]):
    def write(self, row: Any, reason: str | None = None) -> None:
        self.before = self.shown(row)
        super().write(row, reason)

    def answered(self, row: Any) -> Payload:
        return self.before


answers_before_writing: type[Any] = _AnswersBeforeWriting
"""The answer to a cancel shows the resource as it was."""


class _ReadsWhatWas(Api[Any]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.cache: dict[str, Payload] = {}

    def read_fields(self, row: Any) -> Payload:
        return self.cache.get(row.id) or super().read_fields(row)

    def write(self, row: Any, reason: str | None = None) -> None:
        self.cache[row.id] = self.shown(row)
        super().write(row, reason)


reads_what_was: type[Any] = _ReadsWhatWas
"""A read after a cancel shows the resource as it was before."""


# What is decided and written


def cancels_in(*statuses: str) -> type[Api[Any]]:
    """These are the states in which a resource is cancelled."""
    return has(cancellable=frozenset(statuses))


def replays_success(canceled: str, *others: str) -> type[Api[Any]]:
    """A second cancel succeeds without a second write."""

    class ReplaysSuccess(Api[Any]):
        cancellable = frozenset({canceled, *others})

        def write(self, row: Any, reason: str | None = None) -> None:
            if row.status != canceled:
                super().write(row, reason)

    return ReplaysSuccess


def pays_also(when: Callable[[R], bool]) -> type[Api[R]]:
    """Settlement pays more than it may."""
    return after(API.payable, lambda api, payable, it: payable or when(it))


class _KnowsOwnCancelsOnly(Api[Any]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.gone: set[str] = set()

    def check_cancellable(self, row: Any) -> None:
        if row.id in self.gone:
            raise self.not_cancellable(row)
        super().check_cancellable(row)
        self.gone.add(row.id)


knows_own_cancels_only: type[Any] = _KnowsOwnCancelsOnly
"""Only what this process has cancelled is refused as cancelled."""


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
    return after(API.not_cancellable, lambda api, refusal, it: refusal.but(**other) if when(it) else refusal)


def refused_as_unknown(*statuses: str) -> type[Api[Any]]:
    """In these states a resource isn't found for cancelling."""
    return after(
        API.not_cancellable, lambda api, refusal, it: api.not_found("") if it.status in statuses else refusal
    )


def explains(why: Callable[[R, str], str]) -> type[Api[R]]:
    """The message of the refusal because of the status is another one."""
    return after(API.why_not, lambda api, said, it: why(it, said))


def unknown(**other: Unpack[Otherwise]) -> type[Api[Any]]:
    """The refusal of an unknown id is another one."""
    return after(API.not_found, lambda api, refusal, given: refusal.but(**other))


def unauthorized(reasons: tuple[str, ...] = (), **other: Unpack[Otherwise]) -> type[Api[Any]]:
    """The refusal of failed authentication is another one, for all reasons or for some."""
    return after(
        API.auth_refusal,
        lambda api, refusal, reason: refusal if reasons and reason not in reasons else refusal.but(**other),
    )


def not_owned(other: Callable[[Any, Account, R], Refusal | None]) -> type[Api[R]]:
    """The refusal of another account's resource is another one, unless the function returns None."""
    return after(API.not_owned, lambda api, refusal, account, it, given: other(api, account, it) or refusal)


# How errors are answered


def wraps_error(form: Callable[[Refusal], Payload], code: str = "") -> type[Api[Any]]:
    """Other JSON stands around the code and the message of an error, of all errors or of those with this code."""
    return after(
        API.envelope, lambda api, json, refusal: json if code and refusal.code != code else form(refusal)
    )


def changes_envelope(form: Callable[[Payload], Payload]) -> type[Api[Any]]:
    """The JSON of an error is made into something else."""
    return after(API.envelope, lambda api, json, refusal: form(json))


def errors_as(form: Callable[[Refusal], Response], code: str) -> type[Api[Any]]:
    """Errors with this code are no JSON of the API's."""
    return after(API.error, lambda api, reply, refusal: reply if refusal.code != code else form(refusal))


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
    return after(
        API.operation,
        lambda api, operation, place, named: "cancel" if (place, named) == (where, method) else operation,
    )


def overridden(method: str, request: Request) -> str:
    """Returns the method that X-HTTP-Method-Override names, or else that of the request."""
    override = request.values(b"x-http-method-override")
    return override[0].decode("latin-1").upper() if override else method


def other_methods(answer: Callable[[Request], Response]) -> type[Api[Any]]:
    """Another method is answered otherwise."""
    return instead(API.method_refused, lambda api, request, where: answer(request))


def looks(look: Callable[[Request], object]) -> type[Api[Any]]:
    """Each request is inspected before anything else, by a function that may `crash` or `refuse`."""
    return after(API.look_at, lambda api, _, request: look(request))


def breaks_on(when: Callable[[Request], bool], answer: Response = HANG_UP) -> type[Api[Any]]:
    """The process ends on some requests: the connection is lost, or the gateway answers."""

    class BreaksOn(Api[Any]):
        async def respond(self, request: Request) -> Response | None:
            return answer if when(request) else await super().respond(request)

    return BreaksOn


def responds(form: Callable[[Request, Response], Response]) -> type[Api[Any]]:
    """Changes every answer, as the last step."""

    class Responds(Api[Any]):
        async def respond(self, request: Request) -> Response | None:
            reply = await super().respond(request)
            return reply and form(request, reply)

    return Responds


def ids(change: Callable[[str], str]) -> type[Api[Any]]:
    """An id is made into another one before it is parsed."""
    return asked(API.parse_id, lambda api, given: change(given))


def cancel_begins(look: Callable[[Any, Request, str], Response | None]) -> type[Api[Any]]:
    """A cancel begins with a look, which may `refuse`, or answer instead."""

    class CancelBegins(Api[Any]):
        async def cancel(self, request: Request, given: str) -> Response:
            return look(self, request, given) or await super().cancel(request, given)

    return CancelBegins


def read_begins(look: Callable[[Any, Request, str], Response | None]) -> type[Api[Any]]:
    """A read begins with a look, which may `refuse`, or answer instead."""

    class ReadBegins(Api[Any]):
        async def read(self, request: Request, given: str) -> Response:
            return look(self, request, given) or await super().read(request, given)

    return ReadBegins


def knows(api: Api[Any], request: Request, given: str) -> Response | None:
    """For `cancel_begins` and `read_begins`: the refusal of an unknown id."""
    return api.error(api.not_found(given)) if api.known(given) is None else None


def also_owns(when: Callable[[Account, R], bool]) -> type[Api[R]]:
    """Some accounts see resources of others."""
    return after(API.owns, lambda api, owns, account, it: owns or when(account, it))


def lets_in(who: Callable[[Any, Request], Account | None]) -> type[Api[Any]]:
    """Some requests need no further authentication: the function returns their account, None for the others."""

    class LetsIn(Api[Any]):
        def authenticate(self, request: Request) -> Account:
            return who(self, request) or super().authenticate(request)

    return LetsIn


def finds_account(
    find: Callable[[dict[bytes, Account], bytes, Account | None], Account | None],
) -> type[Api[Any]]:
    """The account of a key is found otherwise: from all accounts, the key, and the right account."""
    return after(API.account_for, lambda api, found, key: find(api.accounts, key, found))
