"""Requests that are odd on purpose: one that never gets an answer is a finding, a lost connection is none."""

import pytest

from conformance.errors import TransportError
from conformance.oracles import odd_requests
from conformance.oracles.expect import Violation
from tests.http.test_reply import reply


def _asking(*came: TransportError | int) -> "tuple[list[str], object]":
    """Returns a log of requests, and a function that answers each by the next of the given results."""
    asked: list[str] = []
    left = list(came)

    def ask() -> object:
        asked.append("odd")
        one = left.pop(0)
        if isinstance(one, TransportError):
            raise one
        return reply(b"{}", one)

    return asked, ask


def test_an_odd_request_that_is_answered_is_asked_once() -> None:
    """An unusual request that is answered is sent once, and its answer returned."""
    asked, ask = _asking(404)

    found = odd_requests.odd(ask, lambda: pytest.fail("nothing to find out"), to="an odd id")

    assert (found.status, asked) == (404, ["odd"])


@pytest.mark.parametrize(
    ("kind", "times"), [("timeout", 2), ("reset", 6), ("protocol", 6), ("unavailable", 6)]
)
def test_an_odd_request_that_is_never_answered_is_the_targets_doing(kind: str, times: int) -> None:
    """Each time, with documented requests answered in between, in a number that changes: losses may have a period."""
    asked, ask = _asking(*[TransportError(kind, "gone")] * times)

    with pytest.raises(Violation, match=f"an odd id to be answered.*gone, {times} times out of {times}"):
        odd_requests.odd(ask, lambda: asked.append("documented"), to="an odd id")

    between = [2, 3, 1, 2, 3, 1][:times]
    assert asked == [one for number in between for one in ("odd", *["documented"] * number)]


def test_an_odd_request_that_is_answered_in_the_end_accuses_nobody() -> None:
    """The connection was lost once."""
    _, ask = _asking(TransportError("reset", "gone"), 404)

    assert odd_requests.odd(ask, reply, to="an odd id").status == 404


def test_an_odd_request_to_a_target_that_is_gone_is_an_error() -> None:
    """Documented requests get no answer either: nothing is known of the odd one."""

    def documented() -> object:
        raise TransportError("refused", "nobody is there")

    _, ask = _asking(TransportError("timeout", "slow"))

    with pytest.raises(TransportError, match="nobody is there"):
        odd_requests.odd(ask, documented, to="an odd id")


def test_an_odd_request_that_was_not_sent_is_an_error() -> None:
    """A pause that the target asked for says nothing of the request."""
    _, ask = _asking(TransportError("rate_limited", "later"))

    with pytest.raises(TransportError, match="later"):
        odd_requests.odd(ask, lambda: pytest.fail("not now"), to="an odd id")
