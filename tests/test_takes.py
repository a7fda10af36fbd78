"""The files beside the specifications that say what checks take: they name the checks that there are, and no others."""

import json

import pytest

from conformance import catalogue, coverage
from conformance.order import FILE
from tests.takes_table import TERMINAL


@pytest.mark.parametrize("api", catalogue.apis())
def test_the_file_names_the_checks_that_there_are(api: str) -> None:
    """The checks that send requests, by their ids. What each takes is learned again with them, and not compared.

    A run doesn't fail where the file lacks a check: it counts as one that takes nothing.
    """
    known = coverage.known(api, TERMINAL)
    ours = {name for name, check in known.items() if not check.fuzz}
    named = set(json.loads((catalogue.api_folder(api) / FILE).read_text("utf-8")))

    assert named == ours, f"{FILE} of {api} is out of date: run `make takes`"
