"""The documented answers of the withdraws API, and assertions on them."""

from typing import Any

from conformance.http.reply import MISSING, Reply
from conformance.oracles import expect, keys
from conformance.oracles.difference import neutral
from conformance.oracles.expect import Answer

# The documented answers (sections Success Response and Error Responses). What else their envelope holds is WD-26's.
CANCELED = Answer(200, fields=(("success", True), ("data.status", "canceled")))
REFUSED = Answer(400, "VALIDATION_ERROR")
NOT_FOUND = Answer(404, "RESOURCE_NOT_FOUND")

# The keys of a canceled withdraw (section Success Response).
KEYS = keys.KEYS["withdraws"]

ECHO_HINT = "What a request brought along may stand in a header only without line breaks and the like."


def succeeded(reply: Reply) -> bool:
    """Whether a cancel was taken, however its answer is put: that it is put as documented is for WD-01 to say."""
    return reply.ok and reply.at("success") not in (False, "false") and not told(reply, "error")


def refused(reply: Reply, *, to: str, hint: str = "") -> Reply:
    """The documented refusal, its status and its code: a code that is no text is for WD-26 to judge."""
    return _answered(reply, REFUSED, to=to, hint=hint)


def not_found(reply: Reply, *, to: str) -> Reply:
    """The documented 404, its status and its code: a code that is no text is for WD-26 to judge."""
    return _answered(reply, NOT_FOUND, to=to)


def _answered(reply: Reply, answer: Answer, *, to: str, hint: str = "") -> Reply:
    code = reply.at("error.code")
    is_told = isinstance(code, str) and bool(code.strip())
    wanted = answer if is_told or reply.status != answer.status else Answer(answer.status)
    return expect.answered(reply, wanted, to=to, hint=hint)


def is_canceled(reply: Reply) -> bool:
    """Whether a read shows a withdraw canceled, however the word is spelt: the spelling is for WD-01 to judge."""
    status = reply.at("status") if reply.at("data") is MISSING else reply.at("data.status")
    return isinstance(status, str) and status.lower() in ("canceled", "cancelled")


def why(reply: Reply) -> tuple[Any, ...]:
    """What a refusal says: its status and its documented fields, without what differs from request to request.

    What a server adds of its own (a request id, a time taken) may be another one each time.
    """
    message = reply.at("error.message")
    told = neutral(message) if isinstance(message, str) else message
    return reply.status, reply.at("success"), reply.at("error.code"), told


def data(reply: Reply) -> dict[str, Any]:
    """The `data` object of an answer, empty where there is none."""
    value = reply.at("data")
    return value if isinstance(value, dict) else {}


def told(reply: Reply, path: str) -> Any:
    """The value under a path; null where its key is left out, as serialisers do either."""
    value = reply.at(path)
    return None if value is MISSING else value
