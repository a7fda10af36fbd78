"""Resources that checks share where lists of ids are short: who may take the last of a kind."""

from pathlib import Path

import pytest

from conformance.errors import NotTestable
from conformance.states.id_lists import IdPools
from conformance.states.leases import Claims, Leases
from conformance.states.resource import Wanted
from conformance.states.sharing import Sharing

PENDING = Wanted("withdraws", "pending")
KIND = PENDING.of_whom()


class Lists:
    """The shared resources of a worker whose profile lists so many pending withdraws."""

    def __init__(self, folder: Path, number: int) -> None:
        ids = tuple(f"id-{one}" for one in range(number))
        source = IdPools({"primary": {"pending": ids, "paid": ("paid-0",)}}, Claims(folder / "pool"))
        self.leases = Leases(source, Claims(folder / "leases"))
        self.sharing = Sharing(self.leases, folder, seed=1, have={KIND: number})
        self._checks = 0

    def leave(self, *, spare: int = 0) -> str:
        """A check that sends a request without effect to a shared withdraw, and leaves it to others; its id."""
        self.sharing.begin((KIND,), {KIND: spare})
        found = self.sharing.shared(PENDING)
        for one in self.sharing.held:
            self._checks += 1
            self.sharing.resources.put(one.shared.with_unproven(f"check {self._checks}"))
        return found.id


def test_last_one_isnt_cancelled_while_others_need_it(tmp_path: Path) -> None:
    """A check that cancels takes an unused withdraw, or none, as long as a check behind it needs one to share."""
    lists = Lists(tmp_path, 2)
    left = lists.leave()

    lists.sharing.begin((KIND,))
    assert lists.sharing.used(PENDING).id != left
    with pytest.raises(NotTestable, match="all 2 ids"):
        lists.sharing.used(PENDING)
    with pytest.raises(NotTestable, match="all 2 ids"):
        lists.sharing.new(PENDING)

    lists.sharing.begin(())
    assert lists.sharing.new(PENDING).id == left


def test_no_more_are_shared_than_are_to_spare(tmp_path: Path) -> None:
    """Of 40 of which other checks take each but one, two wait for a cancel; with enough to spare more do."""
    scarce, plenty = Lists(tmp_path / "scarce", 40), Lists(tmp_path / "plenty", 40)

    assert len({scarce.leave(spare=1) for _ in range(60)}) == 2
    assert len({plenty.leave(spare=30) for _ in range(60)}) > 2


def test_check_that_can_do_without_takes_what_others_left(tmp_path: Path) -> None:
    """It gets no withdraw that another check takes unused, and never an unused one of a list without any to spare."""
    lists = Lists(tmp_path, 2)
    lists.sharing.begin()
    with pytest.raises(NotTestable, match="no pending withdraw to spare"):
        lists.sharing.spare(PENDING)

    left = lists.leave()
    lists.sharing.begin()
    assert lists.sharing.spare(PENDING).id == left
    assert [one.is_spare for one in lists.sharing.held] == [True]


def test_final_one_can_be_had_again_unless_it_was_settled(tmp_path: Path) -> None:
    """A resource that was leased for the same wish is found again; one that was to be paid isn't."""
    lists, paid = Lists(tmp_path, 1), Wanted("withdraws", "paid")
    assert lists.leases.handed_before(paid) is None

    lists.leases.lease(paid)
    found = lists.leases.handed_before(paid)
    assert found is not None
    assert found.id == "paid-0"

    with pytest.raises(NotTestable, match="can't settle"):
        lists.leases.settle(found)
    assert lists.leases.handed_before(paid) is None
