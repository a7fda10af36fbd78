"""Resources from lists of ids in the profile."""

from collections.abc import Mapping

from conformance.errors import NotTestable
from conformance.states.leases import Claims
from conformance.states.resource import Resource, Wanted


class IdPools:
    """Takes the ids of a profile in their order; what they are is all that is known of them."""

    def __init__(self, pools: Mapping[str, Mapping[str, tuple[str, ...]]], reserved: Claims) -> None:
        self._pools = pools
        # A marker of its own beside the lease's claim: whoever passes here owns the id, in whatever worker.
        self._reserved = reserved

    def setup(self, wanted: Wanted) -> Resource:
        """The next unused id of the pool."""
        whose = wanted.owner or ("other_environment" if wanted.environment else "primary")
        table = "states.ids" if whose == "primary" else f"states.ids.{whose}"
        if wanted.webhook_url is not None:
            raise NotTestable(
                f"a pool of ids can't say that it holds {wanted.described()}",
                hint="Use a provider-state URL for this.",
            )
        ids = self._pools.get(whose, {}).get(wanted.status, ())
        for one in ids:
            if self._reserved.claim(one):
                return Resource(one, wanted)
        have = (
            f"all {len(ids)} ids of {table}.{wanted.status} are used"
            if ids
            else f"{table}.{wanted.status} is empty"
        )
        raise NotTestable(
            f"no {wanted.described()}: {have}", hint=f"Add more ids to {table}.{wanted.status}."
        )

    def teardown(self, resource: Resource) -> None:
        """Nothing to tell anybody."""

    def settle(self, resource: Resource) -> None:
        """A list of ids can't settle."""
        raise NotTestable("a pool of ids can't settle a resource", hint="Use a provider-state URL for this.")
