"""Every defect is caught by the requirement that it breaks; no honest implementation is accused."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance import catalogue
from conformance.model import Level
from conformance.sandbox import Defect, list_defects

from . import matrix
from .variants import VARIANTS, excused

ROOT = Path(__file__).parent.parent.parent
APIS = catalogue.apis()


def by_hand(api: str) -> list[Defect]:
    """The defects that hand-written checks have to find. `tests.proof.rare` is about the others."""
    return [defect for defect in list_defects(api) if not defect.needs]


@cache
def proven(api: str) -> dict[tuple[str, str], Any]:
    """The outcomes of every run, by (kind, id)."""
    folder = ROOT / "reports" / "detection"
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{api}.json"
    variants = [word for one in VARIANTS[api] for word in ("--variant", json.dumps(one))]
    command = [sys.executable, "-m", "tests.proof.prove", api, str(out), *variants]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[Any] = json.loads(out.read_text())
    outcomes = {one["id"]: one["outcomes"] for one in found if one["kind"] == "defect"}
    matrix.write(catalogue.load(api), by_hand(api), outcomes, folder)
    return {(one["kind"], one["id"]): one for one in found}


def _grouped(values: list[Any], of: Any = lambda value: value) -> list[Any]:
    """Parameters that keep one API in one worker, so that its runs are made once."""
    return [
        pytest.param(api, value, id=f"{api}-{of(value)}", marks=pytest.mark.xdist_group(f"proof-{api}"))
        for api, value in values
    ]


@pytest.mark.parametrize(("api", "_"), _grouped([(api, "clean") for api in APIS]))
def test_the_clean_sandbox_is_conformant(api: str, _: str) -> None:
    """No defect, no finding: everything passes, nothing warns, nothing is left untested."""
    clean = proven(api)["clean", "clean"]

    assert clean["checks"] == {}
    assert set(clean["outcomes"].values()) == {"passed"}
    assert clean["exit_code"] == 0


# They break the MUST that a SHOULD holds: what was refused, or came in part, has no effect, and a success is true.
HARD = {
    "pi-long-reason-is-refused-yet-cancelled",
    "pi-odd-reason-is-refused-yet-cancelled",
    "pi-wrong-body-cancels-later",
    "pi-malformed-json-is-refused-yet-cancelled",
    "pi-other-type-is-refused-yet-cancelled",
    "pi-empty-body-is-refused-yet-cancelled",
    "pi-more-fields-are-refused-yet-cancelled",
    "pi-long-key-is-refused-yet-cancelled",
    "pi-hung-up-is-answered-and-not-done",
    "pi-hung-up-makes-the-retry-empty",
    "pi-half-a-body-cancels",
    "pi-wrong-body-fails-the-intent",
    "pi-refused-reason-is-kept",
}
DEFECTS = _grouped([(api, defect) for api in APIS for defect in by_hand(api)], lambda defect: defect.id)


@pytest.mark.parametrize(("api", "defect"), DEFECTS)
def test_a_defect_is_caught_by_what_it_breaks(api: str, defect: Any) -> None:
    """The requirement that a defect breaks fails if it is a MUST, and warns if it is a SHOULD; nothing crashes."""
    found = proven(api)["defect", defect.id]
    main = defect.breaks[0]
    requirement = catalogue.load(api).by_id()[main]
    outcome = found["outcomes"][main]

    assert outcome in ("failed", "warned"), f"{main} is {outcome}; noticed by {_noticed(found)}"
    assert requirement.level is not Level.SHOULD or outcome == ("failed" if defect.id in HARD else "warned")
    assert not defect.warns or outcome == "warned", f"{main} is {outcome}; noticed by {_noticed(found)}"
    assert "error" not in found["outcomes"].values(), found["checks"]
    if requirement.level is not Level.SHOULD and outcome == "failed":
        assert found["exit_code"] == 1


@pytest.mark.parametrize(("api", "defect"), DEFECTS)
def test_what_a_defect_fails_is_titled_by_what_the_target_did(api: str, defect: Any) -> None:
    """Reports show the fault as the title, and the name of the requirement only where no check says it: nowhere."""
    assert proven(api)["defect", defect.id]["untitled"] == []


def _noticed(found: dict[str, Any]) -> list[str]:
    return [
        f"{one} {outcome}" for one, outcome in found["outcomes"].items() if outcome in ("failed", "warned")
    ]


HONEST = _grouped([(api, variant) for api in APIS for variant in VARIANTS[api]], json.dumps)


@pytest.mark.parametrize(("api", "variant"), HONEST)
def test_an_honest_variant_is_not_accused(api: str, variant: dict[str, Any]) -> None:
    """An honest variant fails no requirement, and warns only for a SHOULD that it really doesn't meet."""
    found = proven(api)["variant", json.dumps(variant)]
    allowed = excused(api, variant)

    bad = {
        check: said
        for check, said in found["checks"].items()
        if said[0] in ("failed", "error") or (said[0] == "warned" and not allowed)
    }
    warned = {one for one, outcome in found["outcomes"].items() if outcome == "warned"}
    assert bad == {}
    assert warned <= allowed
    if not variant.get("budget"):
        assert found["exit_code"] == 0
