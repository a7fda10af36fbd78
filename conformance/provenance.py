"""Digests of everything that a run is made with: this build, the OpenAPI document of the API, the profile.

The catalogue has a digest of its own (`conformance.catalogue`).
"""

import hashlib
from functools import cache
from pathlib import Path

from conformance.catalogue import api_folder

PACKAGE = Path(__file__).parent
# Compiled files differ from machine to machine, and a wheel carries the specs inside the package.
_NOT_SOURCE = ("__pycache__", "_specs")


def digest(content: bytes) -> str:
    """Returns `sha256:<hex>` of some bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def tree(folder: Path) -> str:
    """Returns `sha256:<hex>` over all files of a folder but hidden ones, specs and compiled code.

    It is in-toto's `dirHash`: the `sha256sum` of the lines that `sha256sum` prints for the files, sorted by name.
    A checkout and an installed copy of the same version have the same digest.
    """
    lines = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not any(part in _NOT_SOURCE or part.startswith(".") for part in name.parts):
            lines.append((name.as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()))
    return digest("".join(f"{hexadecimal}  {name}\n" for name, hexadecimal in sorted(lines)).encode())


@cache
def build() -> str:
    """Returns the digest of the harness that is running: `tree` of the package."""
    return tree(PACKAGE)


def digests(api: str, profile: Path) -> dict[str, str]:
    """Returns the digests `build`, `openapi` and `profile` of a run of `api` with this profile. Raises OSError."""
    return {
        "build": build(),
        "openapi": digest((api_folder(api) / "openapi.yaml").read_bytes()),
        "profile": digest(profile.read_bytes()),
    }
