"""Every report names the documented answers that fuzzing never got."""

import dataclasses

import pytest

from conformance.report import explain, summary, terminal
from tests.report import sample


def record(shallow):
    return dataclasses.replace(sample.conformant(), fuzz={"cases": 3, "shallow": shallow})


def test_it_is_named():
    told = record(["cancel_payout_intent 409", "get_payout_intent 404"])
    for text in (explain.unreached(told), terminal.text(told), summary.summary(told)):
        flat = " ".join(text.replace("\\", "").split())
        assert "never got" in flat
        assert "409" in flat
    assert "and 8 more" in explain.unreached(record([f"x {number}" for number in range(20)]))


@pytest.mark.parametrize("shallow", [[], None, "x", {}])
def test_nothing_is_said_where_nothing_is_missing(shallow):
    told = record(shallow)
    assert explain.unreached(told) == ""
    assert "never got" not in terminal.text(told)
    assert "never got" not in summary.summary(told)


def test_a_run_without_fuzzing_misses_none():
    assert explain.unreached(dataclasses.replace(record([]), fuzz=None)) == ""
