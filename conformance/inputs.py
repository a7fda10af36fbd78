"""What a run is made with, by digest: this very build, the documents' operations, the profile.

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
    """`sha256:<hex>` of some bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def tree(folder: Path) -> str:
    """`sha256:<hex>` over all files of a folder but hidden ones, specs and compiled code.

    It is in-toto's `dirHash`: what `sha256sum` of every file, sorted by name, gives when `sha256sum` reads it.
    A checkout and an installed copy of the same version have the same.
    """
    lines = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not any(part in _NOT_SOURCE or part.startswith(".") for part in name.parts):
            lines.append((name.as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()))
    return digest("".join(f"{hexadecimal}  {name}\n" for name, hexadecimal in sorted(lines)).encode())


@cache
def build() -> str:
    """The digest of the harness that is running: `tree` of the package."""
    return tree(PACKAGE)


def digests(api: str, profile: Path) -> dict[str, str]:
    """`build`, `openapi` and `profile`: what a run of `api` with this profile is made with. Raises OSError."""
    return {
        "build": build(),
        "openapi": digest((api_folder(api) / "openapi.yaml").read_bytes()),
        "profile": digest(profile.read_bytes()),
    }
