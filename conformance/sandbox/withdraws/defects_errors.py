"""Withdraws that refuse in the wrong form, or cancel on another method than POST."""

import traceback
from dataclasses import replace

from conformance.sandbox import changes, steps
from conformance.sandbox.messages import Refusal, Response
from conformance.sandbox.withdraws.changes import wd
from conformance.sandbox.withdraws.reference import Withdraws

# Laid out as a table, a defect per line.
# fmt: off

# The envelope

wd("wd-error-success-is-a-string", "WD-26", 'An error carries the text "false", which is true in most languages.',
   changes.changes_envelope(lambda error: error | {"success": "false"}))
wd("wd-error-success-is-missing", "WD-26", "An error has no success field.",
   changes.changes_envelope(changes.without("success")))
wd("wd-error-success-is-true", "WD-26", "success is true in errors, too: it says that the request was handled.",
   changes.changes_envelope(lambda error: error | {"success": True}))
wd("wd-error-is-a-string", "WD-26", "error is the message itself.",
   changes.wraps_error(lambda refusal: {"success": False, "error": refusal.message}))
wd("wd-error-is-flat", "WD-26", "code and message stand beside success instead of in error.",
   changes.wraps_error(lambda refusal: {"success": False, "code": refusal.code, "message": refusal.message}))
wd("wd-error-message-is-empty", "WD-26, WD-29", "The message is empty, because translations are missing.",
   changes.wraps_error(lambda refusal: {"success": False, "error": {"code": refusal.code, "message": ""}}))
wd("wd-error-message-is-missing", "WD-26, WD-29", "An error has a code only.",
   changes.wraps_error(lambda refusal: {"success": False, "error": {"code": refusal.code}}))
wd("wd-error-message-is-a-list", "WD-26", "The message is a list of messages, as the validator gives it.",
   changes.wraps_error(lambda refusal:
       {"success": False, "error": {"code": refusal.code, "message": [refusal.message]}}))
wd("wd-error-code-is-a-number", "WD-26", "error.code repeats the HTTP status.",
   changes.wraps_error(lambda refusal:
       {"success": False, "error": {"code": refusal.status, "message": refusal.message}}))
wd("wd-error-code-is-lower-case", "WD-11, WD-04, WD-05, WD-06", "Codes are in lower case: resource_not_found.",
   changes.wraps_error(lambda refusal:
       {"success": False, "error": {"code": refusal.code.lower(), "message": refusal.message}}))
wd("wd-one-message-for-all", "WD-29", "Every refusal by state has the same message, so the reason isn't told.",
   changes.explains(lambda it, why: "This withdraw cannot be canceled."))
wd("wd-account-is-in-an-error", "WD-21", "The message of a refusal names the account number in full.",
   changes.explains(lambda it, why: f"{why} Destination: {it.account_number}."))

# What comes instead of the envelope

wd("wd-401-is-plain-text", "WD-27", "Failed authentication is answered by the gateway, in plain text.",
   changes.errors_as(changes.plain, "UNAUTHORIZED"))
wd("wd-401-is-another-envelope", "WD-27", "Failed authentication has the gateway's JSON, not the API's.",
   changes.wraps_error(lambda refusal: {"detail": refusal.message}, "UNAUTHORIZED"))
wd("wd-404-is-html", "WD-28, WD-11, WD-26", "An unknown withdraw is answered with a web page.",
   changes.errors_as(changes.page, "RESOURCE_NOT_FOUND"))
wd("wd-errors-are-labelled-html", "WD-27", "The JSON of an error is labelled text/html, the language's default.",
   steps.after(Withdraws.error, lambda api, reply, refusal: replace(reply, content_type="text/html")))
wd("wd-success-is-labelled-text", "WD-27", "The JSON of a success is labelled text/plain.",
   changes.success(changes.labelled("text/plain")))
wd("wd-refusal-has-a-stack-trace", "WD-28", "Debugging was left on: a refusal carries a stack trace.",
   steps.after(Withdraws.envelope, lambda api, json, refusal:
       json | {"error": json["error"] | {"stack": "".join(traceback.format_exception(refusal))}}))
wd("wd-404-has-sql", "WD-28", "The message of a 404 shows the query that found nothing.",
   changes.unknown(message="No rows in result set: SELECT * FROM withdraws WHERE id = $1 AND merchant_id = $2 LIMIT 1"))
wd("wd-refusal-has-a-file-path", "WD-28", "The message of a refusal ends with where in the code it was raised.",
   changes.explains(lambda it, why: f"{why} (/usr/src/app/src/withdraws/withdraws.service.ts:118:13)"))

# Other methods

wd("wd-get-cancels", "WD-40", "GET on the cancel path cancels, as a link in an e-mail would need it.",
   changes.also_cancels("GET"))
wd("wd-head-cancels", "WD-40", "HEAD on the cancel path is routed as POST is, and cancels.",
   changes.also_cancels("HEAD"))
wd("wd-put-cancels", "WD-40", "PUT on the cancel path cancels, too.", changes.also_cancels("PUT"))
wd("wd-patch-cancels", "WD-40", "PATCH on the cancel path cancels, too.", changes.also_cancels("PATCH"))
wd("wd-delete-cancels", "WD-40", "DELETE on the cancel path cancels, too.", changes.also_cancels("DELETE"))
wd("wd-options-cancels", "WD-40", "The handler is bound to every method, and a signed OPTIONS cancels.",
   changes.also_cancels("OPTIONS"))
wd("wd-method-override-cancels", "WD-40", "X-HTTP-Method-Override makes a POST of any method.",
   steps.after(Withdraws.method_of, lambda api, method, request: changes.overridden(method, request)), warns=True)
wd("wd-405-without-allow", "WD-41", "A 405 has no Allow header.",
   steps.after(Withdraws.wrong_method, lambda api, refusal, allow: refusal.but(headers=())))
wd("wd-other-methods-are-500", "WD-41", "Another method ends in a 500: the handler table has no such entry.",
   changes.other_methods(lambda request: steps.crash(request.method)))
wd("wd-options-hangs-up", "WD-41", "OPTIONS ends the process that handles it: no answer comes.",
   changes.breaks_on(lambda request: request.method == "OPTIONS"))
wd("wd-other-methods-are-200", "WD-41",
   "Another method is answered 200 with an empty object by the load balancer's health check.",
   changes.other_methods(lambda request: Response(200, b"{}")))
wd("wd-other-methods-are-403", "WD-41", "Another method is answered 403 by a firewall rule.",
   steps.after(Withdraws.wrong_method, lambda api, refusal, allow:
       Refusal(403, "FORBIDDEN", f"Only {allow} passes.")))
