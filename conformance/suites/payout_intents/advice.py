"""Advice on refusals and retries: which hint goes with what was sent, and with what was answered. Pure; no errors."""

from conformance.http.reply import Reply

KEPT = "Where the same is refused otherwise, a decision is kept: by key, path or connection, but not by the secret."
DECODED = "Decode the pair, look the key up, and compare the whole secret, on every path."
_KEY_COUNTS = (
    "Is the key compared at all? Look the merchant up by the key, and compare its secret with the one sent."
)
_STORED = "Keep status and body under the key, and look the key up before the status of the intent."
_STATUS_TOO = "The body was that of the first answer: keep its status with it, and answer with that."
_SAME_BODY = (
    "The body was the same as the first one's. Do all processes compute the same fingerprint of it, from the body "
    "alone? Is a request that is still under way told apart from another body?"
)


def hint_for(what: str) -> str:
    """Returns the hint for credentials that were let in; `what` says in words what they were."""
    if "unknown key" in what and "right after" not in what:
        return _KEY_COUNTS
    return KEPT if "right after" in what else DECODED


def hint_for_retry(first: Reply, again: Reply) -> str:
    """Returns the hint for a retry whose status isn't that of the first answer."""
    if again.status == 409:
        return _SAME_BODY
    return _STATUS_TOO if again.json == first.json else _STORED
