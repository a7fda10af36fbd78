"""The embedded sandbox: a reference implementation of each API, and defects to prove a suite with.

It shares no code with its judge: nothing here imports `conformance` outside this package, so that a wrong
signature or a misread document can't be wrong on both sides alike. Importing it loads no server.
"""

from typing import TYPE_CHECKING, Any

from conformance.sandbox.credentials import CREDENTIALS
from conformance.sandbox.variants import Variants, list_variants

if TYPE_CHECKING:
    from conformance.sandbox.defects import Defect, list_defects
    from conformance.sandbox.server import Sandbox, serve_forever

__all__ = ["CREDENTIALS", "Defect", "Sandbox", "Variants", "list_defects", "list_variants", "serve_forever"]

_LATE = {"Sandbox": "server", "serve_forever": "server", "Defect": "defects", "list_defects": "defects"}


def __getattr__(name: str) -> Any:
    # Late for start-up time: the command line shows its help without a server or hundreds of defects.
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
