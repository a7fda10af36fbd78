"""A generated request (`Case`), what it tries (`Mutation`), and the resource that it is for (`Example`).

Pure data: the same seed makes the same stream of these, whatever the target answers.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from conformance.http.reply import MISSING
from conformance.model import Headers

UNKNOWN = "unknown"
"""The state of an id that names nothing."""
SEQUENCES = "walks"
"""The phase of the requests of sequences. The value is as in records of earlier versions."""


class Mutation(StrEnum):
    """The mutation of a request; it decides what an honest target may answer."""

    DOCUMENTED = "documented"
    """None, a documented request: the answer follows from the resource's state alone."""
    OPEN = "open"
    """Within the schema, though no document says what becomes of it (further keys, control characters)."""
    BODY = "body"
    FIELD_TYPE = "reason"
    """With another type in the free-text field. The value is as in records of earlier versions."""
    FIELD_LENGTH = "long"
    """With a text beyond the documented limit in the free-text field."""
    KEY = "key"
    TYPE = "content_type"
    METHOD = "method"
    PATH = "path"
    MISSING = "missing"
    """Without one of the headers that authenticate, or without any."""
    WRONG = "wrong"
    """With a credential that can't be right."""


@dataclass(frozen=True, slots=True)
class Case:
    """A generated request, not yet bound to a resource.

    `segment` is the raw id in the path; None asks for a resource in some state. `headers` are all but those that
    authenticate. `body` is what is sent, `value` what it means (MISSING for no body, or one that is no JSON).
    `key` says what to do about an idempotency key: "fresh", "absent", or "kept" (it is among the headers).
    `omitted` names credential headers to leave out, `altered` replaces some.
    """

    operation: str
    phase: str
    method: str
    mutation: Mutation
    segment: str | None = None
    headers: Headers = ()
    body: bytes | None = None
    value: Any = MISSING
    key: str = "absent"
    omitted: tuple[str, ...] = ()
    altered: Headers = ()

    def size(self) -> int:
        """Returns the number of characters that make it up; reports show the smallest failing case."""
        texts = [self.segment or "", *(value for _, value in (*self.headers, *self.altered))]
        return len(self.body or b"") + sum(map(len, texts)) + len(self.omitted)

    def to_json(self) -> dict[str, Any]:
        """Returns JSON values, the body included; defaults are left out."""
        found: dict[str, Any] = {
            "operation": self.operation,
            "phase": self.phase,
            "method": self.method,
            "aim": self.mutation.value,
            "segment": self.segment,
            "headers": [list(pair) for pair in self.headers],
            "body": None if self.body is None else _packed(self.body),
            "key": self.key,
            "omitted": list(self.omitted),
            "altered": [list(pair) for pair in self.altered],
        }
        return {name: value for name, value in found.items() if value not in (None, [])}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Case":
        """Returns the inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        body = None if "body" not in data else _unpacked(data["body"])
        return cls(
            operation=str(data["operation"]),
            phase=str(data["phase"]),
            method=str(data["method"]),
            mutation=Mutation(data["aim"]),
            segment=data.get("segment"),
            headers=tuple((str(name), str(value)) for name, value in data.get("headers", ())),
            body=body,
            value=meant(body),
            key=str(data["key"]),
            omitted=tuple(map(str, data.get("omitted", ()))),
            altered=tuple((str(name), str(value)) for name, value in data.get("altered", ())),
        )


@dataclass(frozen=True, slots=True)
class Example:
    """A case, the state of the resource that it is for (None where it has an id of its own), and what follows.

    `turn` (0 to 2) chooses the follow-ups of a success. `before` are sent to the resource first, since the case alone
    shows nothing. `history` are the cases that the resource had gone through already when this one was sent.
    """

    case: Case
    state: str | None
    turn: int = 0
    before: tuple[Case, ...] = ()
    history: tuple[Case, ...] = field(default=(), compare=False, repr=False)

    def size(self) -> int:
        """Returns the size of its case, and of those before it."""
        return self.case.size() + sum(100 + one.size() for one in self.before)

    def after_its_history(self) -> "Example":
        """Returns the example that goes through the same again before the case is sent."""
        return replace(self, before=self.history, history=())

    def to_json(self) -> dict[str, Any]:
        """Returns JSON values; `before` is left out where it is empty."""
        found: dict[str, Any] = {"state": self.state, "turn": self.turn, "probe": self.case.to_json()}
        return found | ({"before": [one.to_json() for one in self.before]} if self.before else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Example":
        """Returns the inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        state = data["state"]
        return cls(
            Case.from_json(data["probe"]),
            None if state is None else str(state),
            int(data["turn"]),
            tuple(Case.from_json(one) for one in data.get("before", ())),
        )


def meant(body: bytes | None) -> Any:
    """Returns the value of a JSON body, MISSING for anything else."""
    if body is None:
        return MISSING
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return MISSING


def _packed(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _unpacked(data: Mapping[str, str]) -> bytes:
    return data["text"].encode() if "text" in data else base64.b64decode(data["base64"], validate=True)
