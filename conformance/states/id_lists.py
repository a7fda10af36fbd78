"""Resources from lists of ids in the profile, each leased once, over all runs.

A cancelled resource doesn't become pending again, so what a run has taken is remembered for the runs after it, and
kept from those beside it, in a folder of the person's own (`ledger`).
"""

import fcntl
import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from conformance import contracts
from conformance.contract import ResourceKind
from conformance.errors import NotTestable, StateRefused
from conformance.profile import Profile
from conformance.states.leases import Claims
from conformance.states.resource import Resource, Wanted
from conformance.states.source_advice import ids_table

FOLDER = "pool"
_LOCK = "lock"


def ledger(profile: Profile) -> Path:
    """Returns the folder that remembers the used ids of a target: a file per id, named by its digest."""
    home = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    target = profile.target
    mark = hashlib.sha256(f"{target.api} {target.base_url}".encode()).hexdigest()[:16]
    return Path(home) / "payout-conformance" / "used-ids" / f"{target.api}-{mark}"


def share(folder: Path, profile: Profile, *, forget: bool = False) -> None:
    """Lets the run in `folder` take its ids from what is common to all runs of this person against the target.

    `forget` gives up what earlier runs have used of the profile's ids, but for runs that still go on. Where no
    common folder can be made, the run keeps to itself. Raises OSError.
    """
    if profile.states.ids is None:
        return
    common = ledger(profile)
    try:
        common.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    (folder / FOLDER).symlink_to(common, target_is_directory=True)
    if forget:
        claims = Claims(common)
        for by_status in profile.states.ids.values():
            for ids in by_status.values():
                for one in ids:
                    if not _goes_on(claims.owner(one)):
                        claims.forget(one)


def unused(profile: Profile) -> dict[str, dict[str, tuple[str, ...]]]:
    """Returns the ids of a profile's lists that no run has used: owner -> status -> ids. Claims none of them."""
    common = ledger(profile)
    claims = Claims(common) if common.is_dir() else None
    return {
        owner: {
            status: tuple(one for one in ids if claims is None or not claims.is_taken(one))
            for status, ids in by_status.items()
        }
        for owner, by_status in (profile.states.ids or {}).items()
    }


def left(profile: Profile) -> Mapping[str, int] | None:
    """Returns how many unused ids there are for each state and owner, as `Wanted.of_whom` names them.

    None where the profile has no lists.
    """
    if profile.states.ids is None:
        return None
    api = profile.target.api
    kinds = {one.pool: one.status for one in contracts.contract(api).states.kinds}
    found: Counter[str] = Counter()
    for whose, by_status in unused(profile).items():
        for pool, ids in by_status.items():
            found[Wanted.of(api, kinds.get(pool, pool), whose).of_whom()] += len(ids)
    return found


def _goes_on(run: str) -> bool:
    """Returns whether the run in that folder still has a process: it holds the lock of its folder."""
    try:
        file = os.open(Path(run) / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


class IdPools:
    """Hands out the ids of a profile in their order; nothing else is known of them."""

    def __init__(self, pools: Mapping[str, Mapping[str, tuple[str, ...]]], reserved: Claims) -> None:
        self._pools = pools
        # A marker beside the lease's claim: the worker that sets it owns the id, over all workers and runs.
        self._reserved = reserved

    def setup(self, wanted: Wanted) -> Resource:
        """The next unused id of the pool."""
        whose = wanted.whose
        table = ids_table(whose)
        if wanted.webhook_url is not None:
            raise NotTestable(
                f"a pool of ids can't say that it holds {wanted.described()}",
                hint="Use a provider-state URL for this.",
            )
        ids = self._pools.get(whose, {}).get(wanted.pool, ())
        kind = contracts.contract(wanted.contract).states.kind(wanted.extra, wanted.status)
        facts = {} if kind is None else dict(kind.params)
        for one in ids:
            if self._reserved.claim(one):
                return Resource(one, wanted, facts)
        if kind is not None and not ids:
            raise self._none_of(kind, table, declared=kind.pool in self._pools.get(whose, {}))
        raise self._used_up(wanted, f"{table}.{wanted.pool}", ids)

    @staticmethod
    def _none_of(kind: ResourceKind, table: str, *, declared: bool) -> NotTestable:
        """The error for a kind without ids. An empty list says that there are none; a missing list says nothing."""
        if declared:
            return StateRefused(f"{table}.{kind.pool} is an empty list")
        return NotTestable(
            f"{table} doesn't say {kind.question}",
            hint=f"Add {kind.pool} to [{table}]: a list of their ids, or [] where {kind.none}.",
        )

    def _used_up(self, wanted: Wanted, table: str, ids: tuple[str, ...]) -> NotTestable:
        others = sum(not self._reserved.is_mine(one) for one in ids)
        have = f"all {len(ids)} ids of {table} are used" if ids else f"{table} is empty"
        hint = f"Add more ids to {table}."
        if others:
            have += f", {others} of them by other runs"
            hint += " If the target was set up anew, so that they are in their states again: run --fresh-ids."
        return NotTestable(f"no {wanted.described().split(' ', 1)[1]}: {have}", hint=hint)

    def teardown(self, resource: Resource) -> None:
        """Does nothing: a list can't take anything back."""

    def settle(self, resource: Resource) -> None:
        """Raises NotTestable: a list of ids can't settle."""
        raise NotTestable("a pool of ids can't settle a resource", hint="Use a provider-state URL for this.")
