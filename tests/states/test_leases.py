"""Leases: each resource is handed out once, to one check."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import NotTestable
from conformance.states.id_lists import IdPools
from conformance.states.leases import Claims, Leases
from conformance.states.resource import Resource, Wanted
from tests.support import PATIENCE_S, ROOT, environment

WORKER = """
import sys, json
from pathlib import Path
from conformance.errors import NotTestable
from conformance.states.leases import Claims, Leases
from conformance.states.id_lists import IdPools
from conformance.states.resource import Wanted
folder, ids = Path(sys.argv[1]), tuple(json.loads(sys.argv[2]))
leases = Leases(IdPools({"primary": {"pending": ids}}, Claims(folder / "pool")), Claims(folder / "leases"))
print("ready", flush=True); sys.stdin.readline()
while True:
    try:
        print(leases.lease(Wanted("withdraws", "pending")).id, flush=True)
    except NotTestable as fault:
        print(fault.message.replace(" ", "_"))
        break
"""


class Maker:
    """A state source that hands out what it was given."""

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)
        self.returned: list[str] = []

    def setup(self, wanted: Wanted) -> Resource:
        return Resource(self.ids.pop(0), wanted)

    def teardown(self, resource: Resource) -> None:
        self.returned.append(resource.id)

    def settle(self, resource: Resource) -> None:
        raise AssertionError


def test_parallel_workers_never_share_an_id(tmp_path: Path) -> None:
    """Three processes empty one pool together: each id comes once, and all of them come."""
    ids = [f"id-{number}" for number in range(150)]
    words = [sys.executable, "-c", WORKER, str(tmp_path), json.dumps(ids)]
    workers = [
        subprocess.Popen(words, cwd=ROOT, env=environment(), stdin=-1, stdout=-1, text=True) for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [word for worker in workers for word in worker.communicate(timeout=PATIENCE_S)[0].split()]

    assert sorted(word for word in said if word.startswith("id-")) == sorted(ids)
    assert len([word for word in said if "all_150_ids_of_states.ids.pending_are_used" in word]) == 3


def test_an_id_that_comes_twice_is_not_testable(tmp_path: Path) -> None:
    """A cancelled resource handed out again would fail an innocent target."""
    leases = Leases(Maker("one", "two", "one"), Claims(tmp_path))
    wanted = Wanted("withdraws", "pending")
    leases.lease(wanted)
    leases.lease(wanted)

    with pytest.raises(NotTestable, match="handed out one twice") as caught:
        leases.lease(wanted)
    assert "new resource" in caught.value.hint


def test_everything_is_offered_back_once(tmp_path: Path) -> None:
    """At the end, in parallel; a second end offers nothing."""
    maker = Maker("one", "two", "three")
    leases = Leases(maker, Claims(tmp_path))
    for _ in range(3):
        leases.lease(Wanted("withdraws", "pending"))

    leases.return_all(2)
    leases.return_all(2)

    assert sorted(maker.returned) == ["one", "three", "two"]


@pytest.mark.parametrize("odd", ["a/b/../c", "x" * 5000, "\ud800", "ünï", "a\nb", "."])
def test_odd_ids_can_be_claimed(tmp_path: Path, odd: str) -> None:
    """An id is the target's to choose: no file name is made of it."""
    claims = Claims(tmp_path / "claims")

    assert claims.claim(odd)
    assert not claims.claim(odd)


POOLS: dict[str, dict[str, tuple[str, ...]]] = {
    "primary": {"pending": ("a", "b"), "paid": ()},
    "other_merchant": {"pending": ("c",)},
    "other_environment": {"pending": ("d",)},
}


def test_pools_hand_out_in_order_by_owner_and_environment(tmp_path: Path) -> None:
    """The ids of a profile, first come first served."""
    pools = IdPools(POOLS, Claims(tmp_path))

    def take(status: str, **more: Any) -> str:
        return pools.setup(Wanted("payout-intents", status, **more)).id

    assert [take("pending"), take("pending")] == ["a", "b"]
    assert take("pending", owner="other_merchant") == "c"
    assert take("pending", environment="other") == "d"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("withdraws", "paid"), "states.ids.paid is empty"),
        (Wanted("withdraws", "failed"), "states.ids.failed is empty"),
        (Wanted("withdraws", "paid", owner="other_merchant"), "states.ids.other_merchant.paid is empty"),
        (Wanted("withdraws", "pending", webhook_url="http://a"), "can't say that it holds"),
    ],
)
def test_an_empty_pool_is_named(tmp_path: Path, wanted: Wanted, says: str) -> None:
    """An empty pool is named with its place in the profile and the remedy."""
    with pytest.raises(NotTestable) as caught:
        IdPools(POOLS, Claims(tmp_path)).setup(wanted)

    assert says in caught.value.message
    assert caught.value.hint


def test_a_used_up_pool_says_how_many_it_had(tmp_path: Path) -> None:
    """A used-up pool is reported with the number of its ids, and not as empty."""
    pools = IdPools(POOLS, Claims(tmp_path))
    pools.setup(Wanted("withdraws", "pending"))
    pools.setup(Wanted("withdraws", "pending"))

    with pytest.raises(NotTestable, match="all 2 ids of states.ids.pending are used") as caught:
        pools.setup(Wanted("withdraws", "pending"))
    assert caught.value.hint == "Add more ids to states.ids.pending."


def test_a_pool_cannot_settle(tmp_path: Path) -> None:
    """A pool can't settle, and the message names a source that can."""
    with pytest.raises(NotTestable, match="can't settle"):
        IdPools(POOLS, Claims(tmp_path)).settle(Resource("a", Wanted("withdraws", "pending")))


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("withdraws", "pending"), "a pending withdraw"),
        (
            Wanted("payout-intents", "processing", owner="other_merchant"),
            "a processing payout intent of other_merchant",
        ),
        (
            Wanted("payout-intents", "paid", environment="other"),
            "a paid payout intent in the other environment",
        ),
        (
            Wanted("payout-intents", "requires_approval", webhook_url="http://127.0.0.1:8099"),
            "a requires_approval payout intent whose webhooks come here",
        ),
    ],
)
def test_what_is_wanted_reads_as_a_sentence(wanted: Wanted, says: str) -> None:
    """Reports quote it."""
    assert wanted.described() == says
    assert wanted.state().startswith("a ")
    assert None not in wanted.params().values()
