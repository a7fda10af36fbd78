"""A new contract from an OpenAPI file: a package with the contract, two checks and what to do next."""

from conformance.scaffold.document import Described as Described
from conformance.scaffold.document import described as described
from conformance.scaffold.package import write as write
