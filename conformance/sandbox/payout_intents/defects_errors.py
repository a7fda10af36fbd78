"""Payout intents that refuse in the wrong form, or let another method do what only POST may."""

import traceback
from dataclasses import replace
from html import escape

from conformance.sandbox.api import Payload
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# The envelope


@defect("pi-error-is-a-string", "PI-44")
class ErrorIsAString(PayoutIntents):
    """error is the code itself."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"error": refusal.code, "message": refusal.message}


@defect("pi-error-is-in-a-list", "PI-44")
class ErrorIsInAList(PayoutIntents):
    """Errors come in a list, called errors."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"errors": [super().envelope(refusal)["error"]]}


@defect("pi-error-message-is-empty", "PI-44")
class ErrorMessageIsEmpty(PayoutIntents):
    """The message is empty."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"error": {"code": refusal.code, "message": ""}}


@defect("pi-error-message-is-null", "PI-44")
class ErrorMessageIsNull(PayoutIntents):
    """The message is null."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"error": {"code": refusal.code, "message": None}}


@defect("pi-error-code-is-upper-case", "PI-02", "PI-03", "PI-04", "PI-10", "PI-31")
class ErrorCodeIsUpperCase(PayoutIntents):
    """Codes are in upper case: APPROVAL_REQUIRED."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"error": {"code": refusal.code.upper(), "message": refusal.message}}


@defect("pi-error-code-is-type", "PI-44")
class ErrorCodeIsType(PayoutIntents):
    """The code is called type, as another provider has it."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"error": {"type": refusal.code, "message": refusal.message}}


@defect("pi-404-is-html", "PI-45", "PI-10")
class NotFoundIsHtml(PayoutIntents):
    """An unknown intent is answered with a web page."""

    def error(self, refusal: Refusal) -> Response:
        if refusal.code != "not_found":
            return super().error(refusal)
        page = f"<!doctype html><html><body><h1>404</h1><p>{escape(refusal.message)}</p></body></html>"
        return Response(404, page.encode(), (), "text/html")


@defect("pi-401-is-plain-text", "PI-45")
class UnauthorizedIsPlainText(PayoutIntents):
    """Failed authentication is answered by the gateway, in plain text."""

    def error(self, refusal: Refusal) -> Response:
        if refusal.code != "unauthorized":
            return super().error(refusal)
        return Response(refusal.status, b"Unauthorized\n", refusal.headers, "text/plain")


@defect("pi-400-is-another-envelope", "PI-45", "PI-29")
class BadRequestIsAnotherEnvelope(PayoutIntents):
    """A body that can't be used is answered in the framework's JSON, not the API's."""

    def error(self, refusal: Refusal) -> Response:
        if refusal.code != "invalid_request":
            return super().error(refusal)
        return self.reply(refusal.status, {"detail": [{"loc": ["body"], "msg": refusal.message}]})


@defect("pi-success-is-labelled-text", "PI-45")
class SuccessIsLabelledText(PayoutIntents):
    """The JSON of a success is labelled text/plain."""

    def accepted(self, intent: Intent) -> Response:
        return replace(super().accepted(intent), content_type="text/plain")


@defect("pi-refusal-has-a-stack-trace", "PI-45")
class RefusalHasAStackTrace(PayoutIntents):
    """Debugging was left on: a refusal carries a stack trace."""

    def envelope(self, refusal: Refusal) -> Payload:
        envelope = super().envelope(refusal)
        envelope["error"]["trace"] = "".join(traceback.format_exception(refusal))
        return envelope


@defect("pi-404-has-sql", "PI-45")
class NotFoundHasSql(PayoutIntents):
    """The message of a 404 shows the query that found nothing."""

    def not_found(self, given: str) -> Refusal:
        query = "SELECT * FROM payout_intents WHERE id = $1 AND merchant_id = $2"
        return Refusal(404, "not_found", f"No rows in result set: {query}")


# Other methods


class _AlsoCancels(PayoutIntents):
    also: tuple[str, str]

    def operation(self, where: str, method: str) -> str | None:
        return "cancel" if (where, method) == self.also else super().operation(where, method)


@defect("pi-get-cancels", "PI-47")
class GetCancels(_AlsoCancels):
    """GET on the cancel path cancels, so that a link in a mail can."""

    also = ("cancel", "GET")


@defect("pi-head-cancels", "PI-47")
class HeadCancels(_AlsoCancels):
    """HEAD on the cancel path is routed as POST is, and cancels."""

    also = ("cancel", "HEAD")


@defect("pi-put-cancels", "PI-47")
class PutCancels(_AlsoCancels):
    """PUT on the cancel path cancels, too."""

    also = ("cancel", "PUT")


@defect("pi-delete-cancels", "PI-47")
class DeleteCancels(_AlsoCancels):
    """DELETE on the intent itself cancels it."""

    also = ("read", "DELETE")


@defect("pi-patch-cancels", "PI-47")
class PatchCancels(_AlsoCancels):
    """PATCH on the intent itself cancels it."""

    also = ("read", "PATCH")


@defect("pi-post-cancels", "PI-47")
class PostCancels(_AlsoCancels):
    """POST on the intent itself cancels it."""

    also = ("read", "POST")


@defect("pi-options-cancels", "PI-47")
class OptionsCancels(_AlsoCancels):
    """The handler is bound to every method, and OPTIONS with credentials cancels."""

    also = ("cancel", "OPTIONS")


@defect("pi-method-override-cancels", "PI-47", warns=True)
class MethodOverrideCancels(PayoutIntents):
    """X-HTTP-Method-Override makes a POST of any method."""

    def method_of(self, request: Request) -> str:
        override = request.values(b"x-http-method-override")
        return override[0].decode("latin-1").upper() if override else super().method_of(request)


@defect("pi-method-override-deletes", "PI-47", warns=True)
class MethodOverrideDeletes(PayoutIntents):
    """X-HTTP-Method-Override makes a DELETE of a GET, and DELETE cancels; a plain DELETE is refused."""

    def operation(self, where: str, method: str) -> str | None:
        return (
            "cancel" if (where, method) == ("read", "OVERRIDDEN DELETE") else super().operation(where, method)
        )

    def method_of(self, request: Request) -> str:
        override = request.values(b"x-http-method-override")
        return (
            f"OVERRIDDEN {override[0].decode('latin-1').upper()}" if override else super().method_of(request)
        )


@defect("pi-405-without-allow", "PI-48")
class MethodNotAllowedWithoutAllow(PayoutIntents):
    """A 405 doesn't say what is allowed."""

    def wrong_method(self, allow: str) -> Refusal:
        refusal = super().wrong_method(allow)
        refusal.headers = ()
        return refusal


@defect("pi-other-methods-are-500", "PI-48")
class OtherMethodsAre500(PayoutIntents):
    """Another method ends in a 500: the handler table has no such entry."""

    def method_refused(self, request: Request, where: str) -> Response:
        raise KeyError(request.method)


@defect("pi-other-methods-are-200", "PI-48")
class OtherMethodsAre200(PayoutIntents):
    """Another method is answered 200 with an empty object by the load balancer's health check."""

    def method_refused(self, request: Request, where: str) -> Response:
        return Response(200, b"{}")
