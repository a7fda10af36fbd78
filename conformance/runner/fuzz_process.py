"""Starts, awaits and ends the fuzzing process of a run."""

import json
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from conformance import fuzz
from conformance.errors import HarnessError
from conformance.profile import Profile
from conformance.runner import selection
from conformance.runner.options import Options

_STATISTICS = "fuzz.json"
# Beyond its own budget, the process needs time to start, and for a last request to time out.
_GRACE_S = 60.0


class Fuzzing:
    """At most one fuzzing process. It is killed if the with block is left before it is done."""

    def __init__(self, profile: Profile, options: Options, folder: Path) -> None:
        self._profile, self._options, self._folder = profile, options, folder
        self._process: subprocess.Popen[bytes] | None = None
        api, expression = profile.target.api, options.expression
        # The checks that were asked for by name; None where none was left out.
        self._only = None if not expression else selection.fuzz_checks(api, expression)
        self.wanted = options.examples > 0 and self._only != () and self._can_judge()
        self.statistics: Mapping[str, Any] | None = _finished(folder) if self.wanted else None

    def _can_judge(self) -> bool:
        """Returns whether a check of the declared capabilities is about a requirement that was asked for."""
        asked = {one.upper() for one in self._options.requirements}
        found = fuzz.selected(self._profile.target.api, asked, self._profile.capabilities)
        return any(self._only is None or check.id in self._only for check in found)

    def left_out(self) -> str:
        """Returns the note on a run without fuzzing: the reason, where that is neither an option nor the profile."""
        api = self._profile.target.api
        if fuzz.check_ids(api):
            return "Fuzzing was left out."
        return f"Fuzzing was left out: the contract of {api} names no requirements that it could prove."

    @property
    def is_due(self) -> bool:
        """Returns whether fuzzing is wanted, and has neither begun nor been done before."""
        return self.wanted and self._process is None and self.statistics is None

    @property
    def is_done(self) -> bool:
        """Returns whether no fuzzing is left to do."""
        return not self.wanted or self.statistics is not None

    def start(self) -> None:
        """Starts the process, with resources of its own: those that an earlier process leased are used up."""
        options = self._options
        forget(self._folder)
        self._process = fuzz.start(
            self._profile.path,
            self._folder,
            examples=options.examples,
            seed=options.seed,
            budget_s=options.fuzz_budget_s,
            requirements=options.requirements,
            only=self._only or (),
            allow_live=options.allow_live,
        )

    def wait(self) -> None:
        """Waits for the end of the process. Raises HarnessError if it failed."""
        if self._process is None:
            return
        try:
            said = self._process.communicate(timeout=self._options.fuzz_budget_s + _GRACE_S)[1]
        except subprocess.TimeoutExpired:
            raise _failed("it didn't stop when its time was up") from None
        if self._process.returncode != 0:
            last = (said or b"").decode(errors="replace").strip()[-400:]
            raise _failed(last or f"exit code {self._process.returncode}")
        self.statistics = _read(self._folder)

    def stop(self) -> None:
        """Ends the process early. Its findings are kept; the fuzzing doesn't count as done."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=_GRACE_S)

    def partly(self) -> Mapping[str, Any] | None:
        """Returns the statistics so far, also of a process that was stopped."""
        return self.statistics if self.statistics is not None else _read(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def forget(folder: Path) -> None:
    """Deletes the statistics of a finished fuzzing, so that it begins again."""
    (folder / _STATISTICS).unlink(missing_ok=True)


def _failed(why: str) -> HarnessError:
    return HarnessError(f"fuzzing failed: {why}", hint="--no-fuzz leaves it out.")


def _read(folder: Path) -> Mapping[str, Any] | None:
    with suppress(OSError, ValueError):
        found = json.loads((folder / _STATISTICS).read_text())
        return found if isinstance(found, dict) else None
    return None


def _finished(folder: Path) -> Mapping[str, Any] | None:
    """Returns the statistics of a process that ended by itself in an earlier part of this run; else None."""
    found = _read(folder)
    return None if found is None or "signal" in str(found.get("ended_early")) else found
