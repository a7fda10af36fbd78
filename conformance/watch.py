"""Remembers cancelled resources, which are read once more some seconds after the last cancel of the suites.

All workers of a run write to one file, so that one of them can read the resources that each has cancelled.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

FILE = "watch.ndjson"
# A worker that waits looks so often for what the others have cancelled meanwhile.
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Watched:
    """A cancelled resource: `by` names the credentials in the profile, `status` is the state that it was set up in.

    `at` is a reading of `time.monotonic()`, which all processes of a machine share. `told` holds the
    facts of the answers to its cancel that a later read is compared with: of words that a target may choose, a digest.
    `how` says in what manner it was cancelled, as one of its kind, and `again` what later cancels of it got, the last
    of them at `since`.
    """

    id: str
    by: str
    status: str
    at: float
    told: Mapping[str, Any] = field(default_factory=dict)
    how: str = ""
    again: tuple[str, ...] = ()
    since: float = 0.0

    @property
    def kind(self) -> tuple[str, str, str, tuple[str, ...]]:
        """Returns the key that it shares with those that one of them stands for."""
        return self.status, self.by, self.how, self.again

    def age(self) -> str:
        """Returns the time since its cancel, in words."""
        return f"{max(0.0, time.monotonic() - self.at):.1f} s after its cancel was answered"


def of_each_kind(found: Sequence[Watched], most: int) -> list[Watched]:
    """Returns at most so many: of each state, merchant and manner of cancelling in turn, the oldest first."""
    kinds: dict[tuple[object, ...], list[Watched]] = {}
    for one in found:
        kinds.setdefault(one.kind, []).append(one)
    return [one for turn in zip_longest(*kinds.values()) for one in turn if one is not None][:most]


class Watch:
    """The resources that the workers of a run have cancelled, in that order."""

    def __init__(self, folder: Path, watch_s: float) -> None:
        self._path, self.watch_s = folder / FILE, watch_s
        self._own: set[str] = set()

    def cancelled(
        self, identifier: str, *, by: str, status: str, told: Mapping[str, Any], how: str = ""
    ) -> None:
        """Notes that a resource was cancelled just now: the wait begins anew."""
        self._own.add(identifier)
        self._append(asdict(Watched(identifier, by, status, time.monotonic(), told, how)))

    def asked_again(self, identifier: str, answer: str) -> bool:
        """Notes the answer to a further cancel, and returns True, where this worker has cancelled the resource."""
        if identifier in self._own:
            self._append({"asked_again": identifier, "answer": answer, "at": time.monotonic()})
        return identifier in self._own

    def leave_out(self, identifier: str) -> None:
        """Leaves a resource out: another request named it since, so a read tells nothing of its cancel."""
        self._append({"left_out": identifier})

    def begins(self, identifier: str) -> None:
        """Notes, before it is sent, that this worker is about to cancel a resource which checks shared."""
        self._append({"begins": identifier, "worker": os.getpid()})

    def began_elsewhere(self, identifier: str) -> bool:
        """Returns whether another worker was about to cancel a resource: its answer may not be known here yet."""
        return any(
            line.get("begins") == identifier and line["worker"] != os.getpid() for line in self._lines()
        )

    def so_far(self) -> list[Watched]:
        """Returns each resource that was cancelled until now, once."""
        return self._read()

    def due(self) -> list[Watched]:
        """Waits until the last cancel is `limits.watch_s` old, and returns each cancelled resource once.

        Where other workers go on cancelling, it waits for these, too.
        """
        began = time.monotonic()
        while True:
            found = self._read()
            now = time.monotonic()
            # A run that is gone on with after a restart of the machine has readings of another clock.
            times = [at if at <= now else began for one in found for at in (one.at, one.since)]
            last = max(times, default=now - self.watch_s)
            left = last + self.watch_s - now
            if left <= 0:
                return found
            time.sleep(min(left, _LOOK_S))

    def _append(self, line: Mapping[str, Any]) -> None:
        # In one write, so that no other worker's line comes in between.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, json.dumps(line).encode() + b"\n")
        finally:
            os.close(file)

    def _lines(self) -> list[dict[str, Any]]:
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def _read(self) -> list[Watched]:
        found: dict[str, Watched] = {}
        left_out: set[str] = set()
        for said in self._lines():
            if "begins" in said:
                continue
            if "left_out" in said:
                left_out.add(said["left_out"])
            elif "asked_again" in said:
                one = found.get(said["asked_again"])
                if one is not None:  # In a race, the line of the one that succeeded may stand below.
                    again = tuple(sorted({*one.again, said["answer"]}))
                    found[one.id] = replace(one, again=again, since=said["at"])
            else:
                found.setdefault(said["id"], Watched(**{**said, "again": tuple(said["again"])}))
        return [one for one in found.values() if one.id not in left_out]
