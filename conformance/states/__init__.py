"""How the harness comes by resources in named states, and gives each out once."""

from conformance.states.leases import Leases
from conformance.states.resource import Provisioner, Resource, Wanted

__all__ = ["Leases", "Provisioner", "Resource", "Wanted"]
