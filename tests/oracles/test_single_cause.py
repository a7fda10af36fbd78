"""`single` finds the one of several names in a request that a target takes notice of."""

from collections.abc import Callable, Sequence

import pytest

from conformance.errors import NotTestable
from conformance.http.reply import Reply
from conformance.oracles.single_cause import single
from tests.http.test_reply import reply

NAMES = ("a", "b", "c", "d", "e", "f", "g")


def asking(
    *guilty: str, most: int = 100
) -> tuple[list[Sequence[str]], Callable[[Sequence[str]], Reply | None]]:
    """The requests that are sent, and what sends them: wrong where one of `guilty` is named; `most` can be sent."""
    sent: list[Sequence[str]] = []

    def wrong(names: Sequence[str]) -> Reply | None:
        if len(sent) == most:
            raise NotTestable("no resources are left")
        sent.append(tuple(names))
        return reply(b"{}", 200) if set(names) & set(guilty) else None

    return sent, wrong


@pytest.mark.parametrize("guilty", NAMES)
def test_any_single_name_is_found_by_few_requests(guilty: str) -> None:
    """The last request that was wrong named it alone."""
    sent, wrong = asking(guilty)
    found = single(NAMES, wrong)

    assert found is not None
    assert found[0] == guilty
    assert (guilty,) in sent
    assert len(sent) <= 4


def test_of_two_names_that_suffice_the_first_is_told() -> None:
    """Each would do: one is enough to mend it."""
    _, wrong = asking("c", "f")
    found = single(NAMES, wrong)

    assert found is not None
    assert found[0] == "c"


@pytest.mark.parametrize(
    ("guilty", "most"), [((), 100), (("g",), 2)], ids=["none alone", "no resources left"]
)
def test_nothing_is_told_that_was_not_seen(guilty: tuple[str, ...], most: int) -> None:
    """Names that only count together, or resources that end, name no cause."""
    _, wrong = asking(*guilty, most=most)

    assert single(NAMES, wrong) is None


def test_one_name_is_asked_for_once() -> None:
    """A request that named it alone has to be wrong, too."""
    sent, wrong = asking("a")

    assert single(("a",), wrong) is not None
    assert sent == [("a",)]
