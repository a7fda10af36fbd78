"""What is to be sent, before anybody knows to whom: one generated request, and what it is about.

Pure data: the same seed makes the same stream of these, whatever the target answers.
"""

import base64
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.http.reply import MISSING
from conformance.model import Headers

REASON_LIMIT = 512
# Where columns like to end; whoever takes no more than this doesn't take the limit either.
_LONG = 255


class Aim(StrEnum):
    """What a request tries; it decides what an honest target may answer."""

    DOCUMENTED = "documented"
    """As the documents show it: the answer follows from the resource's state alone."""
    OPEN = "open"
    """Within the schema, though no document says what becomes of it (further keys, control characters)."""
    BODY = "body"
    REASON = "reason"
    LONG = "long"
    KEY = "key"
    TYPE = "content_type"
    METHOD = "method"
    PATH = "path"
    MISSING = "missing"
    """Without one of the headers that authenticate, or without any."""
    WRONG = "wrong"
    """With a credential that can't be right."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request to be.

    `segment` is the raw id in the path; None asks for a resource in some state. `headers` are all but those that
    authenticate. `body` is what is sent, `value` what it means (MISSING for no body, or one that is no JSON).
    `key` says what to do about an Idempotency-Key: "fresh", "absent", or "kept" (it is among the headers).
    `omitted` names credential headers to leave out, `altered` replaces some.
    """

    operation: str
    phase: str
    method: str
    aim: Aim
    segment: str | None = None
    headers: Headers = ()
    body: bytes | None = None
    value: Any = MISSING
    key: str = "absent"
    omitted: tuple[str, ...] = ()
    altered: Headers = ()

    def size(self) -> int:
        """How much of it there is to look at: the smallest of several failing requests is the one to show."""
        texts = [self.segment or "", *(value for _, value in (*self.headers, *self.altered))]
        return len(self.body or b"") + sum(map(len, texts)) + len(self.omitted)

    def summary(self) -> str:
        """For people: what is odd about this request."""
        match self.aim:
            case Aim.METHOD:
                return f"the method {self.method}"
            case Aim.PATH:
                return f"the id {_cut(self.segment or '')!r}"
            case Aim.MISSING:
                return f"a request without {' and '.join(self.omitted)}"
            case Aim.WRONG:
                return f"a request with a wrong {' and '.join(name for name, _ in self.altered)}"
            case Aim.TYPE:
                return f"the content type {next((v for n, v in self.headers if n == 'Content-Type'), None)!r}"
            case Aim.KEY:
                return f"the key {next((v for n, v in self.headers if n == 'Idempotency-Key'), None)!r}"
            case Aim.DOCUMENTED if self.body is None:
                return "a documented request"
        return f"the body {_cut((self.body or b'').decode('utf-8', 'backslashreplace'))}"

    def to_json(self) -> dict[str, Any]:
        """As JSON, the bytes included; what is as it is by default is left out."""
        found: dict[str, Any] = {
            "operation": self.operation,
            "phase": self.phase,
            "method": self.method,
            "aim": self.aim.value,
            "segment": self.segment,
            "headers": [list(pair) for pair in self.headers],
            "body": None if self.body is None else _packed(self.body),
            "key": self.key,
            "omitted": list(self.omitted),
            "altered": [list(pair) for pair in self.altered],
        }
        return {name: value for name, value in found.items() if value not in (None, [])}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Probe":
        """What `to_json` was given. Raises KeyError, TypeError or ValueError for anything else."""
        body = None if "body" not in data else _unpacked(data["body"])
        return cls(
            operation=str(data["operation"]),
            phase=str(data["phase"]),
            method=str(data["method"]),
            aim=Aim(data["aim"]),
            segment=data.get("segment"),
            headers=tuple((str(name), str(value)) for name, value in data.get("headers", ())),
            body=body,
            value=meant(body),
            key=str(data["key"]),
            omitted=tuple(map(str, data.get("omitted", ()))),
            altered=tuple((str(name), str(value)) for name, value in data.get("altered", ())),
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A probe, the state of the resource that it is for (None where it has an id of its own), and what follows.

    `turn` (0 to 2) chooses the follow-ups of a success.
    """

    probe: Probe
    state: str | None
    turn: int = 0

    def size(self) -> int:
        """That of its probe."""
        return self.probe.size()

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"state": self.state, "turn": self.turn, "probe": self.probe.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Case":
        """What `to_json` was given. Raises KeyError, TypeError or ValueError for anything else."""
        state = data["state"]
        return cls(Probe.from_json(data["probe"]), None if state is None else str(state), int(data["turn"]))


def meant(body: bytes | None) -> Any:
    """What a body means where it is JSON, MISSING where it isn't."""
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


def body_aim(body: bytes | None, value: Any) -> Aim:
    """What a body is about. A body that isn't there at all, or that says more than documented, is open."""
    if body is None:
        return Aim.OPEN
    if not isinstance(value, dict):
        return Aim.BODY
    if "reason" not in value:
        return Aim.DOCUMENTED if not value else Aim.OPEN
    reason = value["reason"]
    if reason is None:
        return Aim.OPEN
    if not isinstance(reason, str):
        return Aim.REASON
    if len(reason) > REASON_LIMIT:
        # By the code point it is too long, by the grapheme it may not be.
        return Aim.LONG if reason.isascii() else Aim.OPEN
    return Aim.DOCUMENTED if len(value) == 1 and is_free_text(reason) else Aim.OPEN


def is_free_text(reason: str) -> bool:
    """Whether every honest target takes this reason and gives it back as it came.

    Nothing that storage can't hold (NUL), that software tidies up for good reasons (control and bidirectional
    characters, decomposed letters, a lone carriage return), that isn't a character (unassigned, private), or that is
    too long by some other way of counting.
    """
    return (
        len(reason.encode("utf-8", "surrogatepass")) <= REASON_LIMIT
        and unicodedata.normalize("NFC", reason) == reason
        and has_only_characters(reason)
    )


def has_only_characters(reason: str) -> bool:
    """Whether a text says something, and consists of assigned characters that are written, blanks and line ends."""
    return bool(reason.strip()) and all(
        letter in " \n\t" or unicodedata.category(letter)[0] in "LMNPS" for letter in reason
    )


def reason_check(value: Any) -> str:
    """Which promise about reasons a documented body puts to the test."""
    reason = value.get("reason") if isinstance(value, dict) else None
    if not isinstance(reason, str):
        return "reason.absent"
    if len(reason) > _LONG and reason.isascii():
        return "reason.longest"
    plain = reason.isascii() and reason.replace("_", "").replace("-", "").replace(" ", "").isalnum()
    return "reason.plain" if plain and reason == reason.strip() else "reason.free_text"


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"
