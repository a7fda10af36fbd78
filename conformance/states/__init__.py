"""Provider states: obtains resources in named states, verifies them, and leases each to one check.

`Leases` gives a check a resource of its own; `sharing` lets checks whose requests must have no effect share one.
"""

from conformance.states.leases import Leases
from conformance.states.resource import Provisioner, Resource, Wanted

__all__ = ["Leases", "Provisioner", "Resource", "Wanted"]
