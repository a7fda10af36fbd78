"""Refusals that are looked into: whether they come always, and whether they were carried out."""

from collections.abc import Iterator

import pytest

from conformance.errors import TransportError
from conformance.http.reply import Reply
from conformance.oracles import carried_out, now_and_then
from conformance.oracles.expect import Violation
from tests.http.test_reply import reply


def violation(answer: Reply) -> Violation:
    """A Violation that an answer shows."""
    return Violation(expected="409", observed="422", reply=answer, fault="It was answered 422")


def judged(fault: Violation) -> None:
    """Raises it."""
    raise fault


def replies(*statuses: int) -> Iterator[Reply]:
    """Answers with these statuses."""
    return iter([reply(b"{}", one) for one in statuses])


def test_request_that_is_answered_in_several_ways_is_told_as_such() -> None:
    """The title has the other answer, and how often it came."""
    later = replies(409, 422, 409, 422, 422)
    with pytest.raises(Violation) as caught:
        now_and_then.or_always(lambda: judged(violation(reply(b"{}", 422))), lambda: next(later))
    assert caught.value.fault == "It was answered 422, and 409 when it was sent again (2 of 5 times)"
    assert caught.value.observed == "422; sent 5 times more: 409 2 times, 422 3 times"
    assert "each process" in caught.value.hint


def test_request_that_is_always_answered_alike_keeps_its_title() -> None:
    """How often it was tried is observed."""
    later = replies(422, 422, 422, 422, 422)
    with pytest.raises(Violation) as caught:
        now_and_then.or_always(lambda: judged(violation(reply(b"{}", 422))), lambda: next(later))
    assert caught.value.fault == "It was answered 422"
    assert caught.value.observed == "422; sent 5 times more: 422 5 times"


def test_accepted_request_is_not_sent_again() -> None:
    """It would be another cancel."""

    def again() -> Reply:
        raise AssertionError

    with pytest.raises(Violation) as caught:
        now_and_then.or_always(lambda: judged(violation(reply(b"{}", 202))), again)
    assert caught.value.observed == "422"


def test_lost_answers_to_further_tries_change_nothing() -> None:
    """A connection may be lost: the Violation is raised as it was found."""

    def again() -> Reply:
        raise TransportError("reset", "closed")

    with pytest.raises(Violation) as caught:
        now_and_then.or_always(lambda: judged(violation(reply(b"{}", 422))), again)
    assert caught.value.observed == "422"


@pytest.mark.parametrize(("is_done", "ends"), [(True, ", and it was carried out"), (False, "answered 422")])
def test_refusal_that_was_carried_out_says_so(*, is_done: bool, ends: str) -> None:
    """A read decides; one that shows no change leaves the title alone."""
    shown = reply(b'{"status": "cancelled"}', 200)
    with pytest.raises(Violation) as caught:
        carried_out.or_not(lambda: judged(violation(reply(b"{}", 422))), lambda: shown, lambda _: is_done)
    assert caught.value.fault.endswith(ends)


def test_success_and_targets_without_a_read_are_not_looked_into() -> None:
    """A 2xx is no refusal; without a read nothing can be told."""
    for answer, read in ((reply(b"{}", 200), lambda: reply(b"{}", 200)), (reply(b"{}", 422), None)):
        with pytest.raises(Violation) as caught:
            carried_out.or_not(lambda one=answer: judged(violation(one)), read, lambda _: True)  # type: ignore[misc]
        assert caught.value.fault == "It was answered 422"
