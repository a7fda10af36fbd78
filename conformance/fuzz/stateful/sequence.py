"""A sequence of requests as data, in JSON and back."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from conformance.model import Headers


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `verb` is cancel, read or settle; `on` numbers the resources of the sequence.

    `by` names whose credentials are used. Steps with the same `key` send the same idempotency key, a new one in each
    performance; None sends none. `reason` None sends `{}` where the API takes a body. `odd` names what is wrong about
    the request (see `execute.sequence_steps`), empty for a documented one. `headers` are further ones, of no meaning
    to the API.
    """

    verb: str
    on: int = 0
    by: str = "primary"
    key: str | None = None
    reason: str | None = None
    odd: str = ""
    headers: Headers = ()

    def __str__(self) -> str:
        said = [self.verb, *(["the second one"] if self.on else [])]
        said += [f"by {self.by.replace('_', ' ')}"] if self.by != "primary" else []
        said += [f"under key {self.key}"] if self.key is not None else []
        said += [f"with {self.odd.replace('_', ' ')}"] if self.odd else []
        said += [f"and {name}: {value[:40]}" for name, value in self.headers]
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps about the resources of `start`, each a state, or `<owner>:<state>` for one of somebody else's.

    `unknown` stands for an id that names nothing; `unknown:<shape>` for one of a certain make-up.
    """

    api: str
    start: tuple[str, ...]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return f"{' and '.join(self.start)}: {'; '.join(map(str, self.steps))}"

    def size(self) -> int:
        """Returns a number that grows with its steps and texts."""
        texts = [step.reason or "" for step in self.steps]
        texts += [value for step in self.steps for _, value in step.headers]
        return 100 * len(self.steps) + sum(map(len, texts))

    def to_json(self) -> dict[str, Any]:
        """Returns JSON values; defaults are left out."""
        return {
            "api": self.api,
            "start": list(self.start),
            "steps": [
                {
                    one.name: [list(pair) for pair in step.headers]
                    if one.name == "headers"
                    else getattr(step, one.name)
                    for one in fields(Step)
                    if getattr(step, one.name) != one.default
                }
                for step in self.steps
            ],
        }


def from_json(value: Mapping[str, Any]) -> Sequence:
    """Returns the inverse of `Sequence.to_json`. Raises KeyError or TypeError for anything else."""
    steps = tuple(
        Step(**{**step, "headers": tuple((str(n), str(v)) for n, v in step.get("headers", ()))})
        for step in value["steps"]
    )
    return Sequence(str(value["api"]), tuple(map(str, value["start"])), steps)
