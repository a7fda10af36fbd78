"""`python -m tests.bench.resources`: what lists of ids are worth, as a table of ids per state and MUSTs decided.

Each row is one whole run, fuzzing included, of the command against the embedded sandbox in another process, with a
profile whose lists hold so many ids for each state and owner. `--measure FILE` keeps the figures as JSON, without
writing the table: so did the figures of the version before come about.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance import contracts
from tests.support import ROOT, SandboxProcess, environment, launched, write_profile

SIZES = (3, 5, 8, 12, 20, 30, 60, 250)
APIS = ("withdraws", "payout-intents")
BEFORE = Path(__file__).with_name("resources_before.json")
TABLE = ROOT / "specs" / "resources.md"
SEED = 1
TERMINAL = ("cancelled", "paid", "failed")
_JUDGED = ("passed", "failed", "warned", "not_applicable")
_RAN = ("passed", "failed", "warned")


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a run with `ids` for each state and owner.

    `musts` are those of the catalogue, `decided` those with all their checks, `begun` those of which a check ran at
    least. `taken` counts the ids of the first state that the run used.
    """

    api: str
    ids: int
    musts: int
    decided: int
    begun: int
    taken: int
    requests: int
    seconds: float


def measured(api: str, ids: int, target: SandboxProcess) -> Figures:
    """Runs the command once with `ids` ids in each list."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target.bend()
        profile = write_profile(
            folder, api, target.url, states=lists(api, ids, target), capabilities="cancel_processing = true"
        )
        words = [
            sys.executable,
            "-m",
            "conformance",
            "run",
            profile,
            "--quiet",
            "--insist",
            "--seed",
            str(SEED),
        ]
        began = time.monotonic()
        done = launched(*words, cwd=folder, env=environment(XDG_STATE_HOME=str(folder / "state")))
        seconds = time.monotonic() - began
        assert done.returncode in (0, 3), done.stderr
        run = json.loads((folder / "reports" / "latest" / "run.json").read_text())
        used = len([one for one in (folder / "state").rglob("*") if one.is_file()])
    return Figures(api=api, ids=ids, taken=used, seconds=round(seconds, 1), **_musts(run))


def lists(api: str, ids: int, target: SandboxProcess) -> str:
    """Returns the lines below `[states]` of a profile with that many ids for each state and owner."""
    states = contracts.contract(api).states
    every = dict.fromkeys((*states.documented(), *(TERMINAL if states.named_by_profile else ())))
    owners: dict[str, dict[str, Any]] = {"": {}, ".other_merchant": {"owner": "other_merchant"}}
    if contracts.contract(api).environments:
        owners[".other_environment"] = {"environment": "other"}
    lines = []
    if api == "withdraws":
        lines.append('read_path = "/api/v1/withdraws/{id}"')
    else:
        lines.append(f"terminal = {json.dumps(TERMINAL)}")
    for owner, params in owners.items():
        lines.append(f"[states.ids{owner}]")
        made = {status: [target.make(api, status, **params) for _ in range(ids)] for status in every}
        for kind in states.kinds if not owner else ():
            made[kind.pool] = [target.make(api, kind.status, **kind.params) for _ in range(ids)]
        lines += [f"{name} = {json.dumps(found)}" for name, found in made.items()]
    return "\n".join(lines)


def _musts(run: Mapping[str, Any]) -> dict[str, int]:
    ran = {one["id"] for one in run["checks"] if one["outcome"] in _RAN}
    requirements = [one for one in run["requirements"] if one["level"] == "MUST"]
    decided = [one for one in requirements if one["outcome"] in _JUDGED]
    begun = [one for one in requirements if one in decided or ran & set(one["checks"])]
    return {
        "musts": len(requirements),
        "decided": len(decided),
        "begun": len(begun),
        "requests": run["exchanges"],
    }


def main(words: Sequence[str] | None = None) -> None:
    """Measures, and writes the table or the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.resources")
    parser.add_argument(
        "--measure", type=Path, metavar="FILE", help="keep the figures as JSON, write no table"
    )
    parser.add_argument("--ids", default=",".join(map(str, SIZES)), help="sizes of the lists")
    parser.add_argument("--api", choices=APIS, action="append")
    chosen = parser.parse_args(words)
    target = SandboxProcess()
    found = []
    try:
        for api in chosen.api or APIS:
            for ids in map(int, chosen.ids.split(",")):
                found.append(measured(api, ids, target))
                print(found[-1], flush=True)
                if chosen.measure:
                    chosen.measure.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    finally:
        target.close()
    if not chosen.measure and {(one.api, one.ids) for one in found} == {
        (api, n) for api in APIS for n in SIZES
    }:
        TABLE.write_text(table(found))


_HEAD = """# What lists of ids decide

`make resources` writes this table. Each row is one run of the command against the embedded sandbox, fuzzing included,
with a profile whose lists hold so many ids for each state and owner. A MUST is decided where all its checks ran, and
begun where one of them did. "Before" are the figures of the version before checks shared resources. Seconds are those
of the machine that measured them, and of other work beside it: compare them with care.

| API | ids | MUSTs | decided before | decided | begun before | begun | requests before | requests | s before | s |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def table(found: Sequence[Figures]) -> str:
    """Returns the figures as a Markdown table, beside those of before."""
    before = {(one["api"], one["ids"]): Figures(**one) for one in json.loads(BEFORE.read_text())}
    rows = []
    for one in found:
        was = before[one.api, one.ids]
        cells = (one.api, one.ids, one.musts, was.decided, one.decided, was.begun, one.begun)
        rows.append((*cells, was.requests, one.requests, was.seconds, one.seconds))
    return _HEAD + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)


if __name__ == "__main__":
    main()
