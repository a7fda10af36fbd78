"""The options of a run, and the check that it can be done with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance import catalogue
from conformance.errors import UsageError
from conformance.model import Waiver
from conformance.profile import Profile, load
from conformance.report import codec
from conformance.runner import selection

_RECORDED = ("examples", "expression", "requirements", "workers", "fuzz_budget_s", "insist", "watch_s")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run. `examples` is the number of fuzzing cases per operation, 0 for none.

    `workers` None lets the run choose by the target's latency. `fresh_ids` uses ids of a list again that an earlier
    run has used.
    """

    output: Path = Path("reports")
    examples: int = 60
    fuzz_budget_s: float = 60.0
    seed: int = 1
    expression: str | None = None
    requirements: tuple[str, ...] = ()
    workers: int | None = None
    allow_live: bool = False
    fresh_ids: bool = False
    waivers: tuple[Waiver, ...] = ()
    # Seconds from the last cancel to the last look; None leaves it to the profile.
    watch_s: float | None = None
    # Judge the target also where it refuses our credentials, or looks like another service.
    insist: bool = False

    def recorded(self) -> dict[str, Any]:
        """Returns the options that the record keeps."""
        kept = {name: getattr(self, name) for name in _RECORDED}
        return {**kept, "expression": self.expression or "", "requirements": list(self.requirements)}

    @staticmethod
    def of(header: Mapping[str, Any], output: Path, *, workers: int | None, allow_live: bool) -> "Options":
        """Returns the options of a run that was begun before: its header holds those that decide about its outcome."""
        kept = {name: header["options"][name] for name in _RECORDED}
        kept["expression"], kept["requirements"] = kept["expression"] or None, tuple(kept["requirements"])
        kept["workers"] = kept["workers"] if workers is None else workers
        waivers = tuple(codec.from_json(Waiver, one) for one in header["waivers"])
        return Options(output, seed=header["seed"], allow_live=allow_live, waivers=waivers, **kept)


def ready(path: Path, options: Options) -> Profile:
    """Returns the profile, if it can be run with these options. Raises ProfileError or UsageError."""
    profile = load(path, allow_live=options.allow_live)
    _known(profile.target.api, options.requirements)
    if options.expression:
        selection.compiled(options.expression)
        arguments = [word for one in options.requirements for word in ("--requirement", one)]
        arguments += ["--allow-live"] if options.allow_live else []
        selection.must_match(profile, options.expression, arguments, fuzzed=options.examples > 0)
    return profile.watching(options.watch_s)


def _known(api: str, requirements: Sequence[str]) -> None:
    """Raises UsageError for an id that no catalogue has, or if no id is of this API."""
    mine = catalogue.load(api).by_id()
    every = [one for each in catalogue.apis() for one in catalogue.load(each).by_id()]
    hint = f"payout-conformance catalogue lists them: {min(mine)} to {max(mine)}."
    for one in requirements:
        if one.upper() not in every:
            raise UsageError(f"no catalogue has a requirement {one}", hint=hint)
    if requirements and not any(one.upper() in mine for one in requirements):
        raise UsageError(f"{api} has no requirement {', '.join(requirements)}", hint=hint)
