"""Isolation of a run from the folder that it is started in: no process of it imports what lies there.

Anything may lie there, also a folder of downloads: an `httpx.py`, a folder named `conformance`, a `sitecustomize.py`.
Python looks for modules there first with `python -m`, and where PYTHONPATH has an empty entry, which is what
`PYTHONPATH=$PYTHONPATH:/opt/lib` leaves where it wasn't set before.

Standard library only, since it is what is imported first.
"""

import os
import sys
from collections.abc import Mapping

_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - before anything else

# Meant for other test suites: Schemathesis imports the named module as soon as it is imported itself.
_HOOKS = "SCHEMATHESIS_HOOKS"
# Given to another Python as `-c`: the modules that this process can import, and the same `conformance`.
_BEGIN = """\
import sys
sys.path[:] = sys.argv.pop(1).split({separator!r})
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("conformance", {init!r}, submodule_search_locations=[{package!r}])
sys.modules["conformance"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["conformance"])
import runpy
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def leave_the_current_folder() -> None:
    """Takes the current folder out of where modules are looked for, unless somebody named it, or it is our own.

    It may have been named by PYTHONPATH, in full. What would have Schemathesis import hooks goes, too.
    """
    os.environ.pop(_HOOKS, None)
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:
        here = ""
    if here != _HOME and here not in _named(os.environ):
        sys.path[:] = [one for one in sys.path if one and os.path.abspath(one) != here]  # noqa: PTH100


def python(module: str) -> list[str]:
    """The words that begin `python -m module`, of this package, where only what this process imports is imported."""
    package = os.path.join(_HOME, "conformance")  # noqa: PTH118
    begin = _BEGIN.format(
        separator=os.pathsep,
        package=package,
        init=os.path.join(package, "__init__.py"),  # noqa: PTH118
    )
    return [sys.executable, "-P", "-c", begin, os.pathsep.join(filter(None, sys.path)), module]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for such a process: without the entries of PYTHONPATH that mean a folder below the current."""
    kept = {name: value for name, value in environ.items() if name != _HOOKS}
    if "PYTHONPATH" in kept:
        kept["PYTHONPATH"] = os.pathsep.join(_named(kept))
    return kept


def _named(environ: Mapping[str, str]) -> list[str]:
    """The entries of PYTHONPATH that name a folder in full."""
    return [one for one in environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(one)]  # noqa: PTH117
