"""Payout intents that refuse in the wrong form, or cancel on another method than POST."""

import traceback

from conformance.sandbox import changes, steps
from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

# The envelope

pi("pi-error-is-a-string", "PI-44", "error is the code itself.",
   changes.wraps_error(lambda refusal: {"error": refusal.code, "message": refusal.message}))
pi("pi-error-is-in-a-list", "PI-44", "Errors are an array called errors.",
   changes.changes_envelope(lambda error: {"errors": [error["error"]]}))
pi("pi-error-message-is-empty", "PI-44", "The message of an error is empty.",
   changes.wraps_error(lambda refusal: {"error": {"code": refusal.code, "message": ""}}))
pi("pi-error-message-is-null", "PI-44", "The message of an error is null.",
   changes.wraps_error(lambda refusal: {"error": {"code": refusal.code, "message": None}}))
pi("pi-error-code-is-upper-case", "PI-02, PI-03, PI-04, PI-10, PI-31",
   "Codes are in upper case: APPROVAL_REQUIRED.",
   changes.wraps_error(lambda refusal: {"error": {"code": refusal.code.upper(), "message": refusal.message}}))
pi("pi-error-code-is-type", "PI-44", "The code of an error is called type.",
   changes.wraps_error(lambda refusal: {"error": {"type": refusal.code, "message": refusal.message}}))
pi("pi-404-is-html", "PI-45, PI-10", "An unknown intent is answered with a web page.",
   changes.errors_as(changes.page, "not_found"))
pi("pi-401-is-plain-text", "PI-45", "Failed authentication is answered by the gateway, in plain text.",
   changes.errors_as(changes.plain, "unauthorized"))
pi("pi-400-is-another-envelope", "PI-45, PI-29",
   "A malformed body is answered with the framework's JSON, not the API's.",
   changes.wraps_error(lambda refusal: {"detail": [{"loc": ["body"], "msg": refusal.message}]}, "invalid_request"))
pi("pi-success-is-labelled-text", "PI-45", "The JSON of a success is labelled text/plain.",
   changes.success(changes.labelled("text/plain")))
pi("pi-refusal-has-a-stack-trace", "PI-45", "Debugging was left on: a refusal carries a stack trace.",
   steps.after(PayoutIntents.envelope, lambda api, json, refusal:
       {"error": json["error"] | {"trace": "".join(traceback.format_exception(refusal))}}))
pi("pi-404-has-sql", "PI-45", "The message of a 404 shows the query that found nothing.",
   changes.unknown(message="No rows in result set: SELECT * FROM payout_intents WHERE id = $1 AND merchant_id = $2"))

# Other methods

pi("pi-get-cancels", "PI-47", "GET on the cancel path cancels, as a link in an e-mail would need it.",
   changes.also_cancels("GET"))
pi("pi-head-cancels", "PI-47", "HEAD on the cancel path is routed as POST is, and cancels.",
   changes.also_cancels("HEAD"))
pi("pi-put-cancels", "PI-47", "PUT on the cancel path cancels, too.", changes.also_cancels("PUT"))
pi("pi-delete-cancels", "PI-47",
   "DELETE on the intent itself cancels it.", changes.also_cancels("DELETE", "read"))
pi("pi-patch-cancels", "PI-47", "PATCH on the intent itself cancels it.", changes.also_cancels("PATCH", "read"))
pi("pi-post-cancels", "PI-47", "POST on the intent itself cancels it.", changes.also_cancels("POST", "read"))
pi("pi-options-cancels", "PI-47", "The handler is bound to every method: OPTIONS with credentials cancels.",
   changes.also_cancels("OPTIONS"))
pi("pi-method-override-cancels", "PI-47", "X-HTTP-Method-Override makes a POST of any method.",
   steps.after(PayoutIntents.method_of, lambda api, method, request: changes.overridden(method, request)), warns=True)


@defect("pi-method-override-deletes", "PI-47", warns=True)
class MethodOverrideDeletes(PayoutIntents):
    """X-HTTP-Method-Override turns a GET into a DELETE, which cancels; a plain DELETE is refused."""

    def operation(self, where: str, method: str) -> str | None:
        return (
            "cancel" if (where, method) == ("read", "OVERRIDDEN DELETE") else super().operation(where, method)
        )

    def method_of(self, request: Request) -> str:
        override = request.values(b"x-http-method-override")
        return (
            f"OVERRIDDEN {override[0].decode('latin-1').upper()}" if override else super().method_of(request)
        )


pi("pi-405-without-allow", "PI-48", "A 405 has no Allow header.",
   steps.after(PayoutIntents.wrong_method, lambda api, refusal, allow: refusal.but(headers=())))
pi("pi-other-methods-are-500", "PI-48", "Another method ends in a 500: the handler table has no such entry.",
   changes.other_methods(lambda request: steps.crash(request.method)))
pi("pi-options-hangs-up", "PI-48", "OPTIONS ends the process that handles it: no answer comes.",
   changes.breaks_on(lambda request: request.method == "OPTIONS"))
pi("pi-other-methods-are-200", "PI-48",
   "Another method is answered 200 with an empty object by the load balancer's health check.",
   changes.other_methods(lambda request: Response(200, b"{}")))
