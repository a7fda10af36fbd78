"""Headlines that a report has for each defect: `python -m tests.proof.headlines API OUT [--defect ID]... [--fuzz]`

Every check runs against a sandbox with one defect (or several: `--defect a+b`), with `--fuzz` the fuzzing of a default
run, too. Of the record that a run would keep, the headlines are taken that its reports show: problems, then warnings.
Prints the share of defects whose first headline belongs to the requirement that the defect breaks, how many headlines a
run has, and the defects that miss; with `--titles` each defect's first title, what was expected and what was observed.
OUT gets everything as JSON. `--keep FOLDER` keeps the records, from which `--from FOLDER` takes the same figures again
without a request; `--sample N` takes N defects, evenly spread. `--pairs` adds the pairs of which both have to be told,
and ends with 1 where one isn't.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance import catalogue, demo
from conformance.fuzz import EXAMPLES
from conformance.model import RunRecord
from conformance.plugin import RUN
from conformance.profile import Profile
from conformance.report import record
from conformance.sandbox import Defect, list_defects
from tests.proof.pairs import PAIRS
from tests.proof.prove import SANDBOXES, Each, adapted, checked, control, folded, run_pytest
from tests.proof.told import all_told, figures, headlines, titles
from tests.support import CREDENTIAL_ENV, SandboxProcess

SEED = 1


@dataclass(frozen=True, slots=True)
class Bent:
    """A sandbox with some defects, named by their ids with a `+` between them."""

    defects: tuple[Defect, ...]

    @property
    def name(self) -> str:
        """The ids, joined."""
        return "+".join(defect.id for defect in self.defects)

    @property
    def breaks(self) -> tuple[str, ...]:
        """The requirements that any of the defects breaks, main ones first."""
        main = [defect.breaks[0] for defect in self.defects]
        return tuple(
            dict.fromkeys(
                [*main, *(requirement_id for defect in self.defects for requirement_id in defect.breaks)]
            )
        )

    @property
    def watch_s(self) -> float:
        """How long after a cancel one has to look."""
        return max(defect.watch_s for defect in self.defects)


def runs(api: str, urls: Sequence[str], folder: Path, bent: Sequence[Bent], *, fuzz: bool) -> None:
    """Runs every check against each of these sandboxes, and keeps the record in a folder of its name."""
    path = adapted(demo.profiles(urls[0], folder, os.environ), api, {})
    fuzzed: Callable[..., Mapping[str, Any]] | None = _fuzzing(api) if fuzz else None

    def work(one: Bent, session: pytest.Session, url: str) -> None:
        control(url, [defect.id for defect in one.defects], {})
        own = folder / one.name
        own.mkdir()
        profile = session.config.stash[RUN].profile
        profile = replace(profile, target=replace(profile.target, base_url=url)).watching(one.watch_s)
        checked(session, profile, own, session.items)
        statistics = None if fuzzed is None else fuzzed(profile, own)
        found = folded(api, profile, own, statistics)
        record.write(found, own)

    # What waits begins first.
    order = sorted(bent, key=lambda one: not (one.watch_s or "-event-" in one.name))
    code = run_pytest(api, path, folder / "_", Each([(one.name, partial(work, one)) for one in order], urls))
    if code:
        raise RuntimeError(f"pytest ended with {code}")


def _fuzzing(api: str) -> Callable[..., Mapping[str, Any]]:
    """The fuzzing of a default run, whose requests are generated once for all runs: the seed decides them alone."""
    from conformance.fuzz import run as fuzzing
    from conformance.fuzz.generate import stream

    cases = list(stream.stream(api, SEED, EXAMPLES))

    class Generated:
        def __init__(self, *_: object) -> None:
            """Takes what a generator takes."""

        def cases(self, poll: Callable[[], bool]) -> Iterator[Any]:
            return (case for case in cases if poll())

        def close(self) -> None:
            """Has nothing to end."""

    def fuzzed(profile: Profile, folder: Path) -> Mapping[str, Any]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fuzzing, "Generator", Generated)
            return fuzzing.run(profile, folder, fuzzing.Order(EXAMPLES, SEED))

    return fuzzed


def again(kept: RunRecord) -> RunRecord:
    """A kept record, folded anew with the catalogue as it is now."""
    return record.fold(
        catalogue.load(kept.target.api),
        kept.target,
        kept.checks,
        kept.exchanges,
        deselected={},
        declared={"webhooks": True, "settlement": True, "cancel_processing": True},
        seed=kept.seed,
        started_at=kept.started_at,
        finished_at=kept.finished_at,
        complete=True,
        fuzz=kept.fuzz,
    )


def chosen(api: str, names: Sequence[str], sample: int | None, *, fuzz: bool) -> list[Bent]:
    """The sandboxes that are asked for; all of one defect each where none is named.

    Without `fuzz` those that only fuzzing finds are left out.
    """
    known = {defect.id: defect for defect in list_defects(api)}
    if names:
        return [Bent(tuple(known[part] for part in name.split("+"))) for name in names]
    found = [Bent((defect,)) for defect in known.values() if fuzz or not defect.needs]
    return found if not sample or sample >= len(found) else found[:: len(found) // sample][:sample]


def measured(bent: Bent, run: RunRecord) -> dict[str, Any]:
    """The results of one run in OUT."""
    return {
        "id": bent.name,
        "breaks": list(bent.breaks),
        "each": [list(defect.breaks) for defect in bent.defects],
        "headlines": headlines(run),
    }


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("api")
    parser.add_argument("out", type=Path)
    parser.add_argument("--defect", action="append", default=[])
    parser.add_argument("--fuzz", action="store_true")
    parser.add_argument("--titles", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--sandboxes", type=int, default=SANDBOXES)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--from", type=Path, dest="kept")
    options = parser.parse_args()
    bent = chosen(options.api, options.defect, options.sample, fuzz=options.fuzz)
    if options.pairs:
        bent += chosen(options.api, PAIRS[options.api], None, fuzz=options.fuzz)
    with tempfile.TemporaryDirectory() as name:
        folder = options.kept or options.keep or Path(name)
        if options.kept is None:
            folder.mkdir(parents=True, exist_ok=True)
            _run_all(options.api, folder, bent, sandboxes=options.sandboxes, fuzz=options.fuzz)
        bent = [one for one in bent if (folder / one.name / record.RUN_FILE).exists()]
        results = [measured(one, again(record.load(folder / one.name))) for one in bent]
    options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False))
    sys.stdout.write(figures(results) + (titles(results) if options.titles else ""))
    pairs = [one for one in results if "+" in one["id"]]
    return 0 if all(map(all_told, pairs)) or not options.pairs else 1


def _run_all(api: str, folder: Path, bent: Sequence[Bent], *, sandboxes: int, fuzz: bool) -> None:
    started = [SandboxProcess() for _ in range(min(sandboxes, len(bent)))]
    os.environ.update(CREDENTIAL_ENV)
    # What is there now stays: no process has to look through it for garbage.
    gc.freeze()
    try:
        runs(api, [sandbox.url for sandbox in started], folder, bent, fuzz=fuzz)
    finally:
        for sandbox in started:
            sandbox.close()


if __name__ == "__main__":
    raise SystemExit(main())
