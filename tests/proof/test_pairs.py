"""Two defects at once are two headlines: what is folded under a cause is no second defect."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.proof.pairs import PAIRS, SAMPLE
from tests.proof.told import all_told

ROOT = Path(__file__).parent.parent.parent
TRIED = {api: pairs[:SAMPLE] for api, pairs in PAIRS.items()}


@cache
def told(api: str) -> dict[str, Any]:
    """The headlines of each pair, from one run of every check each."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "told.json"
        pairs = [word for one in TRIED[api] for word in ("--defect", one)]
        command = [sys.executable, "-m", "tests.proof.headlines", api, str(out), *pairs]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return {one["id"]: one for one in json.loads(out.read_text())}


@pytest.mark.parametrize(
    ("api", "pair"),
    [
        pytest.param(api, pair, id=pair, marks=pytest.mark.xdist_group(f"pairs-{api}"))
        for api, pairs in TRIED.items()
        for pair in pairs
    ],
)
def test_both_defects_have_a_headline(api: str, pair: str) -> None:
    """Of a requirement that each breaks; and not one headline for everything that fails by them."""
    found = told(api)[pair]
    requirement_ids = [line["requirement_id"] for line in found["headlines"]]
    assert all_told(found), requirement_ids
    assert len(requirement_ids) <= 5, requirement_ids
