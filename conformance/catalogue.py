"""`specs/<api>/requirements.toml` -> Catalogue. The folders of `specs/` are the list of APIs."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from conformance.errors import HarnessError
from conformance.model import Basis, Catalogue, Level, MatrixRow, NotObservable, Requirement

# A wheel carries the specs inside the package; a checkout has them beside it.
_PACKAGED = Path(__file__).parent / "_specs"
_CHECKOUT = Path(__file__).parent.parent / "specs"


def specs_dir() -> Path:
    """The folder that holds one sub-folder per API, and `formats`."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@cache
def apis() -> tuple[str, ...]:
    """The names of the APIs there are specs for, as profiles write them (`payout-intents`)."""
    return tuple(sorted(folder_name(path.parent.name) for path in specs_dir().glob("*/requirements.toml")))


def folder_name(folder: str) -> str:
    """`payout_intents` (a folder) -> `payout-intents` (an API)."""
    return folder.replace("_", "-")


def api_folder(api: str) -> Path:
    """Where the spec, the catalogue and the sources of `api` are."""
    return specs_dir() / api.replace("-", "_")


@cache
def load(api: str) -> Catalogue:
    """The catalogue of `api`. Raises HarnessError where the specs are damaged."""
    path = api_folder(api) / "requirements.toml"
    try:
        raw = path.read_bytes()
        data = tomllib.loads(raw.decode())
        return Catalogue(
            api=api,
            revision=data["revision"],
            digest="sha256:" + hashlib.sha256(raw).hexdigest(),
            requirements=tuple(_requirement(api, row) for row in data["requirement"]),
            not_observable=tuple(
                NotObservable(**{k: row[k] for k in ("id", "title", "statement", "section", "reason")})
                for row in data.get("not_observable", ())
            ),
            matrix=tuple(MatrixRow(**row) for row in data.get("matrix", ())),
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise HarnessError(
            f"the requirement catalogue of {api} can't be read: {fault}", hint="Reinstall payout-conformance."
        ) from fault


def _requirement(api: str, row: dict[str, Any]) -> Requirement:
    return Requirement(
        id=row["id"],
        api=api,
        level=Level(row["level"]),
        basis=Basis(row["basis"]),
        group=row["group"],
        title=row["title"],
        statement=row["statement"],
        section=row["section"],
        needs=tuple(row.get("needs", ())),
        capability=row.get("capability"),
        fairness=row.get("fairness"),
        not_tested_reason=row.get("not_tested_reason"),
        premise=row.get("premise", False),
    )
