"""The order of the checks: what decides comes first, so that a source with few resources proves the most."""

from collections.abc import Mapping, Sequence

from conformance.errors import NotTestable
from conformance.model import Level
from conformance.order import lacks, takes
from conformance.precedence import Candidate, decided, order
from conformance.report.depth import kind
from tests.report import sample

REQUIREMENTS = {
    name: sample.requirement(name, level)
    for name, level in (("A-1", Level.MUST), ("A-2", Level.MUST), ("A-3", Level.SHOULD), ("A-4", Level.MUST))
}


def candidate(
    name: str,
    *requirement_ids: str,
    units: Sequence[str] = (),
    level: Level = Level.MUST,
    block: str = "",
    looks_back: bool = False,
) -> Candidate:
    """A check of these requirements that takes these units."""
    return Candidate(name, requirement_ids, level, frozenset(units), block, looks_back)


def ordered(*checks: Candidate, have: Mapping[str, int] | None = None) -> list[str]:
    """The ids in their order."""
    return list(order(checks, REQUIREMENTS, have).ids)


def test_one_of_each_requirement_comes_before_a_second_of_any() -> None:
    """And then what completes the requirement that takes the least more; what is only advised comes last."""
    found = ordered(
        candidate("advice", "A-3", level=Level.SHOULD),
        candidate("one", "A-1", units=["pending 1"]),
        candidate("one more", "A-1", units=["pending 2", "pending 3"]),
        candidate("one again", "A-1", units=["pending 4"]),
        candidate("two", "A-2", units=["pending 5"]),
        candidate("two more", "A-2", units=["pending 6"]),
    )
    assert found == ["one", "two", "two more", "one more", "one again", "advice"]


def test_of_several_checks_the_cheapest_is_the_first() -> None:
    """Evidence that was gathered for another check costs nothing more."""
    found = ordered(
        candidate("dear", "A-1", units=["pending 1", "pending 2"]),
        candidate("two", "A-2", units=["pending 3"]),
        candidate("shares", "A-1", units=["pending 3"]),
    )
    assert set(found[:2]) == {"two", "shares"}


def test_a_soft_part_is_no_proof_of_a_requirement() -> None:
    """A check at the level of a SHOULD comes after those that can fail their requirement."""
    found = order([candidate("soft", "A-1", level=Level.SHOULD), candidate("hard", "A-1")], REQUIREMENTS)

    assert found.ids == ("hard", "soft")
    assert found.first == {"hard"}


def test_what_can_not_be_afforded_waits_for_what_can() -> None:
    """A check that needs more than there are leaves the rest to those that do with it; nothing is left out."""
    checks = [
        candidate("race", "A-1", units=[f"pending {number}" for number in range(5)]),
        candidate("two", "A-2", units=["pending 10"]),
        candidate("two more", "A-2", units=["pending 11"]),
        candidate("advice", "A-3", level=Level.SHOULD, units=["pending 12"]),
    ]
    assert ordered(*checks)[:2] == ["two", "race"]
    assert ordered(*checks, have={"pending": 3}) == ["two", "two more", "advice", "race"]
    assert ordered(*checks, have={"paid": 3}) == ["two", "two more", "race", "advice"]


def test_checks_that_share_a_fixture_of_their_module_stay_together() -> None:
    """A check of another module between them would end it."""
    found = ordered(
        candidate("x1", "A-3", block="x", level=Level.SHOULD),
        candidate("a", "A-1"),
        candidate("x2", "A-2", block="x"),
        candidate("b", "A-1"),
    )
    assert abs(found.index("x1") - found.index("x2")) == 1
    assert sorted(found) == ["a", "b", "x1", "x2"]


def test_a_block_that_begins_early_stays_together_too() -> None:
    """The evidence that its checks share is made once, although one of them is the first of a requirement."""
    found = ordered(
        candidate("a", "A-1", units=["pending 1"]),
        candidate("a more", "A-1", units=["pending 2"]),
        candidate("x1", "A-2", block="x", units=["pending 3"]),
        candidate("x2", "A-2", block="x", units=["pending 4"]),
    )
    assert abs(found.index("x1") - found.index("x2")) == 1
    assert sorted(found) == ["a", "a more", "x1", "x2"]


def test_what_a_check_lacks_is_what_it_takes_of_that_kind() -> None:
    """The units lacked are of one kind; one where a check is unknown, none where it ended otherwise."""
    known = takes("withdraws")
    assert known is not None
    name = max(known, key=lambda one: sum(kind(unit) == "pending" for unit in known[one]))
    mine = {unit for unit in known[name] if kind(unit) == "pending"}

    assert set(lacks("withdraws", name, lacking("pending"))) == mine
    assert lacks("withdraws", name, None) == lacks("withdraws", name, NotTestable("not declared")) == ()
    assert lacks("withdraws", "nobody::knows", lacking("paid")) == ("paid 0",)


def test_what_only_shares_comes_before_what_uses_up_where_lists_are_short() -> None:
    """A resource that refused requests leave as it was serves them all, until a cancel takes it."""
    checks = [
        candidate("cancels", "A-1", units=["pending 1"]),
        candidate("cancels too", "A-1", units=["pending 2"]),
        candidate("refused", "A-2", units=["pending 0"]),
        candidate("refused too", "A-2", units=["pending 0"]),
    ]
    found = ordered(*checks, have={"pending": 3})
    assert set(found[:3]) == {"cancels", "refused", "refused too"}
    assert found[3] == "cancels too"


def test_where_lists_are_short_whole_requirements_come_before_single_checks() -> None:
    """A shared resource costs nothing where another check uses it up at last."""
    checks = [
        candidate("one", "A-1", units=["pending 1"]),
        candidate("one more", "A-1", units=["pending 2", "pending 3"]),
        candidate("two", "A-2", units=["pending 4"]),
        candidate("two more", "A-2", units=["pending 5", "pending 0"]),
    ]
    found = order(checks, REQUIREMENTS, {"pending": 2})
    assert set(found.ids[:2]) == {"two", "two more"}
    assert found.beyond == {"one", "one more"}


def test_one_that_a_check_needs_in_the_end_stays_where_no_more_is_decided_without() -> None:
    """Of what that check shares with others one isn't used up, unless requirements without it are worth more."""
    back = candidate("looks back", "A-1", units=["pending 0"], looks_back=True)
    others = [candidate("two", "A-2", units=["pending 1"])]
    more = candidate("three", "A-4", units=["pending 1"])

    assert order([back, *others], REQUIREMENTS, {"pending": 2}).beyond == set()
    assert order([back, *others], REQUIREMENTS, {"pending": 1}).beyond == {"two"}
    assert order([back, *others, more], REQUIREMENTS, {"pending": 1}).beyond == {"looks back"}


def test_plentiful_kinds_weigh_less_than_scarce_ones() -> None:
    """The requirement goes first that takes the least of what there isn't enough of."""
    checks = [
        candidate("scarce", "A-1", units=["pending 1", "pending 2"]),
        candidate("plentiful", "A-2", units=["pending 3", "paid 1", "paid 2", "paid 3"]),
    ]
    assert order(checks, REQUIREMENTS, {"pending": 2, "paid": 9}).ids[0] == "plentiful"


def test_more_resources_decide_more() -> None:
    """As many requirements as can have all their checks."""
    checks = [
        candidate("one", "A-1", units=["pending 1"]),
        candidate("two", "A-2", units=["pending 2"]),
        candidate("two more", "A-2", units=["pending 3"]),
    ]
    found = [decided(checks, REQUIREMENTS, {"pending": number}) for number in range(4)]
    assert found == [0, 1, 1, 2]


def lacking(kind: str) -> NotTestable:
    """The error for a source that has no more of that kind."""
    fault = NotTestable("no more")
    fault.lacks = kind
    return fault
