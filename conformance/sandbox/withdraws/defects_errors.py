"""Withdraws that refuse in the wrong form, or let another method do what only POST may."""

import traceback
from dataclasses import replace
from html import escape

from conformance.sandbox.api import Payload
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import JSON, Refusal, Request, Response
from conformance.sandbox.withdraws.model import Withdraw
from conformance.sandbox.withdraws.reference import Withdraws

# The envelope


@defect("wd-error-success-is-a-string", "WD-26")
class ErrorSuccessIsAString(Withdraws):
    """An error carries the text "false", which is true in most languages."""

    def envelope(self, refusal: Refusal) -> Payload:
        return super().envelope(refusal) | {"success": "false"}


@defect("wd-error-success-is-missing", "WD-26")
class ErrorSuccessIsMissing(Withdraws):
    """An error has no success beside it."""

    def envelope(self, refusal: Refusal) -> Payload:
        envelope = super().envelope(refusal)
        del envelope["success"]
        return envelope


@defect("wd-error-success-is-true", "WD-26")
class ErrorSuccessIsTrue(Withdraws):
    """success says that the request was handled, and is true in errors, too."""

    def envelope(self, refusal: Refusal) -> Payload:
        return super().envelope(refusal) | {"success": True}


@defect("wd-error-is-a-string", "WD-26")
class ErrorIsAString(Withdraws):
    """error is the message itself."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"success": False, "error": refusal.message}


@defect("wd-error-is-flat", "WD-26")
class ErrorIsFlat(Withdraws):
    """code and message stand beside success instead of in error."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"success": False, "code": refusal.code, "message": refusal.message}


@defect("wd-error-message-is-empty", "WD-26", "WD-29")
class ErrorMessageIsEmpty(Withdraws):
    """The message is empty, because translations are missing."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"success": False, "error": {"code": refusal.code, "message": ""}}


@defect("wd-error-message-is-missing", "WD-26", "WD-29")
class ErrorMessageIsMissing(Withdraws):
    """An error has a code only."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"success": False, "error": {"code": refusal.code}}


@defect("wd-error-message-is-a-list", "WD-26")
class ErrorMessageIsAList(Withdraws):
    """The message is a list of messages, as the validator gives it."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"success": False, "error": {"code": refusal.code, "message": [refusal.message]}}


@defect("wd-error-code-is-a-number", "WD-26")
class ErrorCodeIsANumber(Withdraws):
    """error.code repeats the HTTP status."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"success": False, "error": {"code": refusal.status, "message": refusal.message}}


@defect("wd-error-code-is-lower-case", "WD-11", "WD-04", "WD-05", "WD-06")
class ErrorCodeIsLowerCase(Withdraws):
    """Codes are in lower case: resource_not_found."""

    def envelope(self, refusal: Refusal) -> Payload:
        return {"success": False, "error": {"code": refusal.code.lower(), "message": refusal.message}}


@defect("wd-one-message-for-all", "WD-29")
class OneMessageForAll(Withdraws):
    """Every refusal by state has the same message, so nobody learns why."""

    def why_not(self, withdraw: Withdraw) -> str:
        return "This withdraw cannot be canceled."


@defect("wd-account-is-in-an-error", "WD-21")
class AccountIsInAnError(Withdraws):
    """The message of a refusal names the account number in full."""

    def why_not(self, withdraw: Withdraw) -> str:
        return f"{super().why_not(withdraw)} Destination: {withdraw.account_number}."


# What comes instead of the envelope


@defect("wd-401-is-plain-text", "WD-27")
class UnauthorizedIsPlainText(Withdraws):
    """Failed authentication is answered by the gateway, in plain text."""

    def error(self, refusal: Refusal) -> Response:
        if refusal.code != "UNAUTHORIZED":
            return super().error(refusal)
        return Response(refusal.status, b"Unauthorized\n", refusal.headers, "text/plain")


@defect("wd-401-is-another-envelope", "WD-27")
class UnauthorizedIsAnotherEnvelope(Withdraws):
    """Failed authentication has the gateway's JSON, not the API's."""

    def error(self, refusal: Refusal) -> Response:
        if refusal.code != "UNAUTHORIZED":
            return super().error(refusal)
        return self.reply(refusal.status, {"detail": refusal.message}, refusal.headers)


@defect("wd-404-is-html", "WD-28", "WD-11", "WD-26")
class NotFoundIsHtml(Withdraws):
    """An unknown withdraw is answered with a web page."""

    def error(self, refusal: Refusal) -> Response:
        if refusal.code != "RESOURCE_NOT_FOUND":
            return super().error(refusal)
        page = f"<!doctype html><html><body><h1>404</h1><p>{escape(refusal.message)}</p></body></html>"
        return Response(404, page.encode(), (), "text/html")


@defect("wd-errors-are-labelled-html", "WD-27")
class ErrorsAreLabelledHtml(Withdraws):
    """The JSON of an error is labelled text/html, the language's default."""

    def error(self, refusal: Refusal) -> Response:
        return replace(super().error(refusal), content_type="text/html")


@defect("wd-success-is-labelled-text", "WD-27")
class SuccessIsLabelledText(Withdraws):
    """The JSON of a success is labelled text/plain."""

    def success(self, withdraw: Withdraw) -> Response:
        return replace(super().success(withdraw), content_type="text/plain")


@defect("wd-refusal-has-a-stack-trace", "WD-28")
class RefusalHasAStackTrace(Withdraws):
    """Debugging was left on: a refusal carries a stack trace."""

    def envelope(self, refusal: Refusal) -> Payload:
        envelope = super().envelope(refusal)
        trace = "".join(traceback.format_exception(refusal))
        envelope["error"]["stack"] = trace or "Traceback (most recent call last)"
        return envelope


@defect("wd-404-has-sql", "WD-28")
class NotFoundHasSql(Withdraws):
    """The message of a 404 shows the query that found nothing."""

    def not_found(self, given: str) -> Refusal:
        query = "SELECT * FROM withdraws WHERE id = $1 AND merchant_id = $2 LIMIT 1"
        return Refusal(404, "RESOURCE_NOT_FOUND", f"No rows in result set: {query}")


@defect("wd-refusal-has-a-file-path", "WD-28")
class RefusalHasAFilePath(Withdraws):
    """The message of a refusal ends with where in the code it was raised."""

    def why_not(self, withdraw: Withdraw) -> str:
        return f"{super().why_not(withdraw)} (/usr/src/app/src/withdraws/withdraws.service.ts:118:13)"


# Other methods


class _AlsoCancels(Withdraws):
    also: str

    def operation(self, where: str, method: str) -> str | None:
        return "cancel" if (where, method) == ("cancel", self.also) else super().operation(where, method)


@defect("wd-get-cancels", "WD-40")
class GetCancels(_AlsoCancels):
    """GET on the cancel path cancels, so that a link in a mail can."""

    also = "GET"


@defect("wd-head-cancels", "WD-40")
class HeadCancels(_AlsoCancels):
    """HEAD on the cancel path is routed as POST is, and cancels."""

    also = "HEAD"


@defect("wd-put-cancels", "WD-40")
class PutCancels(_AlsoCancels):
    """PUT on the cancel path cancels, too."""

    also = "PUT"


@defect("wd-patch-cancels", "WD-40")
class PatchCancels(_AlsoCancels):
    """PATCH on the cancel path cancels, too."""

    also = "PATCH"


@defect("wd-delete-cancels", "WD-40")
class DeleteCancels(_AlsoCancels):
    """DELETE on the cancel path cancels, too."""

    also = "DELETE"


@defect("wd-options-cancels", "WD-40")
class OptionsCancels(_AlsoCancels):
    """The handler is bound to every method, and a signed OPTIONS cancels."""

    also = "OPTIONS"


@defect("wd-method-override-cancels", "WD-40", warns=True)
class MethodOverrideCancels(Withdraws):
    """X-HTTP-Method-Override makes a POST of any method."""

    def method_of(self, request: Request) -> str:
        override = request.values(b"x-http-method-override")
        return override[0].decode("latin-1").upper() if override else super().method_of(request)


@defect("wd-405-without-allow", "WD-41")
class MethodNotAllowedWithoutAllow(Withdraws):
    """A 405 doesn't say what is allowed."""

    def wrong_method(self, allow: str) -> Refusal:
        refusal = super().wrong_method(allow)
        refusal.headers = ()
        return refusal


@defect("wd-other-methods-are-500", "WD-41")
class OtherMethodsAre500(Withdraws):
    """Another method ends in a 500: the handler table has no such entry."""

    def method_refused(self, request: Request, where: str) -> Response:
        raise KeyError(request.method)


@defect("wd-other-methods-are-200", "WD-41")
class OtherMethodsAre200(Withdraws):
    """Another method is answered 200 with an empty object by the load balancer's health check."""

    def method_refused(self, request: Request, where: str) -> Response:
        return Response(200, b"{}", (), JSON)


@defect("wd-other-methods-are-403", "WD-41")
class OtherMethodsAre403(Withdraws):
    """Another method is answered 403 by a firewall rule."""

    def wrong_method(self, allow: str) -> Refusal:
        return Refusal(403, "FORBIDDEN", f"Only {allow} passes.")
