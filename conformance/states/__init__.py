"""Provider states: obtains resources in named states, and hands each out once."""

from conformance.states.leases import Leases
from conformance.states.resource import Provisioner, Resource, Wanted

__all__ = ["Leases", "Provisioner", "Resource", "Wanted"]
