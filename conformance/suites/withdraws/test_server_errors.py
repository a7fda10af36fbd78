"""Answers with a 5xx that no other check has shown, whatever was sent."""

import re
from urllib.parse import urlsplit

import pytest

from conformance.model import Auth, Exchange
from conformance.oracles import server_errors
from conformance.oracles.expect import requirement
from conformance.oracles.run_answers import RunAnswers
from conformance.oracles.server_errors import RequestKind, a, cut

pytestmark = pytest.mark.last

# The requirement that asks for no 5xx, by what is odd about a request; the nearest one where none asks for that.
REQUIREMENTS = {
    "id": "WD-14",
    "credentials": "WD-39",
    "body": "WD-39",
    "method": "WD-41",
    "query": "WD-27",
    "path": "WD-27",
    "documented": "WD-27",
}
_CANCEL = re.compile(r"/api/v1/withdraws/([^/]*)/cancel")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def oddity(sent: Exchange) -> RequestKind:
    """Returns what is odd about a request; of several things the one that a target looks at first."""
    url = urlsplit(sent.url)
    at = url.path.find("/api/v1/withdraws/")
    found = _CANCEL.fullmatch(url.path[at:]) if at >= 0 and not url.path[:at].endswith("/") else None
    if found is None:
        # Where a read endpoint is declared, it is somewhere here.
        documented = sent.method == "GET" and sent.auth is Auth.DOCUMENTED
        return RequestKind("documented" if documented else "path", f"{a(sent.method)} of {cut(url.path)}")
    if sent.method != "POST":
        return RequestKind("method", f"{a(sent.method)} on the cancel path")
    if not _UUID.fullmatch(found[1]):
        return RequestKind("id", f"a cancel of the id {cut(found[1])}")
    if sent.request_body:
        said = cut(sent.request_body.decode("utf-8", "backslashreplace"))
        return RequestKind("body", f"a cancel with the body {said}")
    if sent.auth is not Auth.DOCUMENTED:
        return RequestKind("credentials", "a cancel with wrong credentials")
    return (
        RequestKind("query", "a cancel with a query")
        if url.query
        else RequestKind("documented", "a documented cancel")
    )


@pytest.mark.parametrize(
    "requirement_id",
    [
        pytest.param(requirement_id, marks=requirement(requirement_id, level="SHOULD"))
        for requirement_id in dict.fromkeys(REQUIREMENTS.values())
    ],
)
def test_no_other_request_was_a_server_error(run_answers: RunAnswers, requirement_id: str) -> None:
    """No request of the run was answered by a 5xx, also where the check that sent it asks for something else."""
    server_errors.no_other(run_answers, requirement_id, REQUIREMENTS, oddity)
