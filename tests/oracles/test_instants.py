"""The order of instants, as far as clocks can tell it."""

import pytest

from conformance.oracles import instants
from conformance.oracles.expect import Violation
from tests.http.test_reply import reply

T0, T1, T2 = "2024-01-01T00:10:00.000Z", "2024-01-01T00:10:00.001Z", "2024-01-01T00:10:02Z"


def test_order_as_far_as_the_coarser_can_tell() -> None:
    """A second without a fraction may be the same one as any of its milliseconds; within a tick there is no order."""
    assert instants.not_after(T0, T1)
    assert instants.not_after(T0, T0)
    assert instants.not_after("2024-01-01T00:10:02.900Z", T2)
    assert instants.not_after("2024-01-01T07:10:00+07:00", T0)
    assert not instants.not_after(T2, T0)
    assert instants.not_after("2024-01-01T00:10:00.016Z", T0)
    assert not instants.not_after("2024-01-01T00:10:00.701Z", "2024-01-01T00:10:00.201Z")
    # A column of whole seconds, written with a fraction, beside one of milliseconds.
    assert instants.not_after("2024-01-01T00:10:00.500Z", T0)
    assert not instants.not_after("2024-01-01T00:10:01.001Z", T0)
    assert not instants.not_after(None, T0)
    assert not instants.not_after("yesterday", T0)


def test_one_moment_in_two_texts() -> None:
    """Two texts are the same instant at the coarser one's resolution, whatever their offsets."""
    assert instants.is_same_instant(T0, "2024-01-01T07:10:00+07:00")
    assert instants.is_same_instant("2024-01-01T00:10:00.123456Z", "2024-01-01T00:10:00.123Z")
    assert instants.is_same_instant("2024-01-01T00:10:00.9Z", "2024-01-01T00:10:00Z")
    assert instants.is_same_instant(T0, "yesterday")
    assert not instants.is_same_instant(T0, "2024-01-01T00:10:00.010Z")
    assert not instants.is_same_instant(T0, T2)


def test_what_moved() -> None:
    """Two instants in one tick of a clock of seconds can't be told apart, and pass."""
    assert instants.moved(T0, T1)
    assert instants.moved("2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z")
    assert not instants.moved(T0, T0)
    assert not instants.moved(T1, T0)
    assert not instants.moved(T0, None)


def test_what_moved_by_the_clock_of_the_change() -> None:
    """An instant of some time before that is the same still hasn't moved; one in the tick of the change may have."""
    assert instants.moved(T0, T1, T1)
    assert instants.moved(T0, T0, "2024-01-01T00:10:00.010Z")
    assert instants.moved("2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z")
    assert not instants.moved(T0, T0, T2)
    assert not instants.moved("2024-01-01T00:10:00Z", "2024-01-01T00:10:00Z", T2)
    assert not instants.moved(T1, T0, T2)


def test_an_instant_is_told_with_its_path() -> None:
    """An instant without an offset fails with its path; any offset passes unless the document shows UTC."""
    answer = reply(
        b'{"a": "2024-01-01T07:00:00+07:00", "b": "2024-01-01T00:00:00Z", "c": 1, "e": "2024-01-01T00:00:00"}'
    )
    assert instants.is_instant(answer, "a") == instants.is_instant(answer, "b", utc=True)
    for path, utc in (("a", True), ("c", False), ("d", False), ("e", False)):
        with pytest.raises(Violation, match=f"{path} is"):
            instants.is_instant(answer, path, utc=utc)
