"""Validates answers with Schemathesis: beside `generate.schemathesis_source` the only module that imports it.

Its own checks decide whether an answer conforms to the specification; what is wrong in detail is told by
`conformance.openapi`, whose wording is ours.
"""

import json
from dataclasses import dataclass
from typing import Any

from conformance import openapi
from conformance.http.reply import Reply
from conformance.openapi import Breach, Operation

_LABELS = {"UndefinedContentType", "MissingContentType", "MalformedMediaType"}


@dataclass(frozen=True, slots=True)
class Conformity:
    """The verdict of Schemathesis on one answer. `breaches` are of its schema; empty where it conforms."""

    documented: bool
    labelled: bool
    breaches: tuple[Breach, ...]


class Conformance:
    """Validates answers against the specification of one API."""

    def __init__(self, api: str) -> None:
        import schemathesis  # late, as in `cases`
        from requests import PreparedRequest
        from schemathesis import checks

        self._schema = schemathesis.openapi.from_dict(
            dict(openapi.document(api)),
            config=schemathesis.Config.from_dict(
                {"base-url": "http://127.0.0.1", "generation": {"database": "none"}}
            ),
        )
        self._response = schemathesis.Response
        self._request = PreparedRequest
        self._checks = [
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_headers_conformance,
            checks.response_schema_conformance,
        ]
        self._cases: dict[str, Any] = {}

    def of(self, operation: Operation, reply: Reply) -> Conformity:
        """Returns whether the status is documented, the label is one of JSON, and the body has its schema."""
        from schemathesis.core.failures import FailureGroup

        try:
            self._case(operation).validate_response(self._converted(operation, reply), checks=self._checks)
        except FailureGroup as group:
            names = {type(failure).__name__ for failure in group.exceptions}
        else:
            return Conformity(True, True, ())
        labelled = not names & _LABELS
        breaches = _told(operation, reply) if names - {"UndefinedStatusCode"} else []
        return Conformity("UndefinedStatusCode" not in names, labelled or reply.says_json, tuple(breaches))

    def _case(self, operation: Operation) -> Any:
        if operation.id not in self._cases:
            found = self._schema.find_operation_by_id(operation.id)
            self._cases[operation.id] = found.Case(path_parameters={operation.parameter: "x"})
        return self._cases[operation.id]

    def _converted(self, operation: Operation, reply: Reply) -> Any:
        request = self._request()
        request.method, request.url, request.headers = operation.method, "http://127.0.0.1/", {}  # type: ignore[assignment]
        headers: dict[str, list[str]] = {}
        for name, value in reply.headers:
            headers.setdefault(name.lower(), []).append(value)
        return self._response(
            status_code=reply.status,
            headers=headers,
            content=reply.body,
            request=request,
            elapsed=reply.duration_s,
            verify=True,
        )


def _told(operation: Operation, reply: Reply) -> list[Breach]:
    """Returns the breaches that `conformance.openapi` finds: both validators have to agree that there is one.

    They are read off the answer as it is recorded, so that no message can hold a secret; only an answer that was too
    large to be recorded whole is read as it came, and the findings redacts what is said of it.
    """
    whole = reply.body if reply.exchange.truncated else reply.exchange.response_body
    try:
        body = json.loads(whole)
    except (ValueError, RecursionError):
        return [Breach("", "json", "is not JSON")]
    return [each for each in openapi.breaches(operation.id, reply.status, body) if each.keyword != "status"]
