"""Runs the suites of one API against the sandbox, once per defect and once per variant, in one process.

    python -m tests.proof.prove API OUT [--full] [--defect ID]... [--variant JSON]...

A defect is judged by the checks of the requirements that it breaks, or by all of them with `--full`.
Start-up is shared: a sandbox on a socket, pytest in this process, the world reset over the control endpoint. Writes a
JSON list of `{"kind", "id", "outcomes": {requirement: outcome}, "checks": {check: [outcome, message]}, "exit_code"}`.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance import catalogue, demo
from conformance.coverage import quiet_pytest
from conformance.profile import load
from conformance.report import journal, record, verdict
from conformance.sandbox import Defect, Sandbox, list_defects

SUITES = Path(catalogue.__file__).parent / "suites"
JUDGED = ("failed", "warned", "error", "not_testable")


def control(url: str, defects: list[str], variants: Mapping[str, Any]) -> None:
    """A fresh world with these defects and variants."""
    body = json.dumps({"defects": defects, "variants": dict(variants), "reset": True}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_control", body)) as answer:
        answer.read()


def prove(
    api: str, url: str, folder: Path, variants: Mapping[str, Any], requirements: tuple[str, ...]
) -> dict[str, Any]:
    """One run of the suites: what became of each requirement, and of each check that didn't pass."""
    path = adapted(demo.profiles(url, folder, os.environ), api, variants)
    profile = load(path)
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = pytest.main(
            [
                *quiet_pytest(),
                "--profile",
                str(path),
                "--conformance-run",
                str(run),
                str(SUITES / api.replace("-", "_")),
                *(part for one in requirements for part in ("--requirement", one)),
            ]
        )
    assert code in (0, 1), f"pytest ended with {code}"
    checks, exchanges = journal.read(run / "journal")
    folded = record.fold(
        catalogue.load(api),
        profile.target,
        checks,
        exchanges,
        deselected={},
        declared=profile.capabilities,
        seed=0,
        started_at="2026-01-01T00:00:00Z",
        finished_at="2026-01-01T00:00:00Z",
        complete=True,
    )
    return {
        "outcomes": {result.requirement.id: str(result.outcome) for result in folded.requirements},
        "checks": {
            check.id: [str(check.outcome), check.message] for check in checks if check.outcome in JUDGED
        },
        "exit_code": verdict.exit_code(folded),
    }


def adapted(paths: list[Path], api: str, variants: Mapping[str, Any]) -> Path:
    """The profile that an honest provider with these variants would write."""
    path = next(one for one in paths if one.stem == api)
    text = path.read_text()
    if not variants.get("read_endpoint", True):
        text = "\n".join(line for line in text.splitlines() if not line.startswith("read_path"))
    if not variants.get("processing_cancellable", True):
        text = text.replace("cancel_processing = true", "cancel_processing = false")
    if "terminal" in variants:
        names = json.dumps(list(variants["terminal"]))
        text = "\n".join(
            f"terminal = {names}" if line.startswith("terminal") else line for line in text.splitlines()
        )
    path.write_text(text + "\n")
    return path


def scenarios(
    api: str, only: list[str] | None, variants: list[Any], *, clean: bool
) -> Iterator[tuple[str, Defect | None, Any]]:
    """What to run: the clean sandbox first, then the defects, then the variants."""
    if clean:
        yield "clean", None, {}
    for defect in list_defects(api):
        # What only fuzzing finds is another proof's, unless it is asked for.
        if (only is None and not defect.needs) or (only is not None and defect.id in only):
            yield "defect", defect, {}
    for variant in variants:
        yield "variant", None, variant


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser()
    parser.add_argument("api")
    parser.add_argument("out", type=Path)
    parser.add_argument("--defect", action="append", default=[])
    parser.add_argument("--variant", action="append", default=[], type=json.loads)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--no-defects", action="store_true")
    parser.add_argument("--no-clean", action="store_true")
    chosen = parser.parse_args()
    only = [] if chosen.no_defects else chosen.defect or None
    results = []
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        for kind, defect, variants in scenarios(chosen.api, only, chosen.variant, clean=not chosen.no_clean):
            control(sandbox.url, [defect.id] if defect else [], variants)
            clock = time.perf_counter()
            rows = defect.breaks if defect and not chosen.full else ()
            found = prove(chosen.api, sandbox.url, Path(folder), variants, rows)
            one = defect.id if defect else json.dumps(variants) if variants else "clean"
            results.append(
                {"kind": kind, "id": one, "seconds": round(time.perf_counter() - clock, 2), **found}
            )
    chosen.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
