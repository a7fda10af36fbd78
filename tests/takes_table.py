"""`python -m tests.takes_table` writes `specs/<api>/takes.json`: the resources that each check takes.

`make takes` runs it, in a few seconds: whenever a check is new, is renamed or takes other resources than before.

Learned from a run against the embedded sandbox that can do everything. A check takes the resources that its requests
name, and so those of evidence that it shares with others: units of one name are one resource.
`conformance.order` reads the file.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import catalogue, coverage, demo, order
from conformance.deferred import Deferred
from conformance.http.segment import segment
from conformance.items import turn
from conformance.model import Check, Exchange, RunRecord
from conformance.order import FILE
from conformance.profile import load
from conformance.runner import Options, run
from conformance.sandbox import Sandbox

TERMINAL = ("cancelled", "paid", "failed")
"""The final states that a profile of the sandbox names."""


def learned(api: str) -> dict[str, tuple[str, ...]]:
    """Returns the units of each check by its id; none for one that takes nothing."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        demo.profiles(sandbox.url, Path(folder), os.environ)
        profile = load(Path(folder) / f"{api}.toml").watching(0)
        options = replace(Options(), output=Path(folder) / "reports", workers=1, examples=0, seed=1)
        with pytest.MonkeyPatch.context() as patch:
            # In the order of the files, and of the markers: what is learned must not depend on what was learned before.
            patch.setattr(order, "arranged", lambda items, *_: sorted(items, key=turn))
            # Nor on how fast this machine is: keys that grow old are replaced.
            patch.setattr("conformance.suites.payout_intents.kept_keys._YOUNG_S", 600.0)
            shared: set[tuple[str, str]] = set()
            patch.setattr(Deferred, "ended", _noting(shared, coverage.known(api, TERMINAL)))
            return units(run(profile, options, lambda *_: None).record, shared)


def _noting(shared: set[tuple[str, str]], known: Mapping[str, coverage.Known]) -> Callable[..., bool]:
    """Returns `Deferred.ended` that notes, as check and resource, what a check leaves to others or finds in the end."""
    ended = Deferred.ended

    def noted(self: Deferred, check: Check, exchanges: Sequence[Exchange], **words: bool) -> bool:
        for one in self._sharing.held:
            looks_back = not known[check.id].sends
            is_left = one.proof is None and not one.is_to_cancel
            if (is_left or looks_back) and not one.is_spare:
                shared.add((check.id, segment(one.resource.id)))
        return ended(self, check, exchanges, **words)

    return noted


def units(record: RunRecord, shared: Collection[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Returns the resources that each check of a run names, numbered for each state and owner.

    Number 0 is what a check shares with any other: `shared` has these, as check and resource. One is enough for all.
    So it is for a check that looks at what another one has done with such a resource, unless that was cancelled then.
    The numbers don't depend on the order of the checks. Those that look back on others take what these have left, and
    need one that they share in the end.
    """
    known = coverage.known(record.target.api, TERMINAL)
    checks = {check.id: check for check in record.checks if known[check.id].sends}
    ours = sorted(name for name, check in known.items() if not check.fuzz)
    named: dict[tuple[str, str], list[str]] = {}
    for name in sorted(checks):
        for one, kind in checks[name].resources:
            named.setdefault((kind, one), []).append(name)
    left = {one for _, one in shared}
    number: Counter[str] = Counter()
    found: dict[str, list[str]] = {}
    for (kind, one), names in sorted(named.items(), key=lambda pair: (pair[0][0], pair[1])):
        number[kind] += 1
        for name in names:
            is_shared = (name, one) in shared or (one in left and not _cancels(record, checks[name], one))
            unit = f"{kind} {0 if is_shared else number[kind]}"
            found.setdefault(name, []).append(unit)
    for name, one in sorted(shared):
        if not known[name].sends:
            kinds = next(dict(check.resources) for check in record.checks if check.id == name)
            if one in kinds:
                found.setdefault(name, []).append(f"{kinds[one]} 0")
    return {name: tuple(dict.fromkeys(found.get(name, ()))) for name in ours}


def _cancels(record: RunRecord, check: Check, resource: str) -> bool:
    """Returns whether a request in the evidence of a check has cancelled a resource."""
    every = (record.exchanges[at] for at in check.exchanges)
    return any(
        one.method == "POST"
        and one.status is not None
        and one.status < 300
        and resource in one.url.partition("?")[0]
        for one in every
    )


def text(taken: dict[str, tuple[str, ...]]) -> str:
    """Returns the content of the file: a line for each check."""
    lines = [f"{json.dumps(check)}: {json.dumps(taken[check])}" for check in sorted(taken)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Writes the file of every API that has a sandbox."""
    for api in catalogue.apis():
        (catalogue.api_folder(api) / FILE).write_text(text(learned(api)), encoding="utf-8")


if __name__ == "__main__":
    main()
