"""Reads `requirements.toml` and `causes.toml`, beside the OpenAPI document of an API, into a Catalogue."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from conformance import contracts
from conformance.errors import HarnessError
from conformance.model import (
    Basis,
    Catalogue,
    Harm,
    Level,
    MatrixRow,
    NotObservable,
    Presumption,
    Requirement,
)

# A wheel carries the specs inside the package; a checkout has them beside it.
_PACKAGED = Path(__file__).parent / "_specs"
_CHECKOUT = Path(__file__).parent.parent / "specs"


def specs_dir() -> Path:
    """Returns the folder with the product's own specs: one sub-folder per API, and `formats`."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def apis() -> tuple[str, ...]:
    """Returns the names of all APIs, sorted, as profiles write them."""
    return contracts.names()


def api_folder(api: str) -> Path:
    """Returns the folder with the OpenAPI document, the catalogue and the sources of `api`.

    Raises HarnessError where no contract has that name.
    """
    contract = contracts.contract(api)
    return contract.specs if contract.specs is not None else specs_dir() / contract.folder


@cache
def load(api: str) -> Catalogue:
    """Returns the catalogue of `api`. Raises HarnessError where the specs are damaged."""
    path = api_folder(api) / "requirements.toml"
    try:
        raw = path.read_bytes()
        data = tomllib.loads(raw.decode())
        causes = _causes(api_folder(api) / "causes.toml")
        return Catalogue(
            api=api,
            revision=data["revision"],
            digest="sha256:" + hashlib.sha256(raw).hexdigest(),
            requirements=tuple(
                _requirement(api, row, causes.get(row["id"], {})) for row in data["requirement"]
            ),
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


def _causes(path: Path) -> dict[str, dict[str, Any]]:
    """Returns what requirements build on and what is at stake, by their ids; empty where an API declares nothing."""
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


def _requirement(api: str, requirement: dict[str, Any], causes: dict[str, Any]) -> Requirement:
    return Requirement(
        id=requirement["id"],
        api=api,
        level=Level(requirement["level"]),
        basis=Basis(requirement["basis"]),
        group=requirement["group"],
        title=requirement["title"],
        statement=requirement["statement"],
        section=requirement["section"],
        needs=tuple(requirement.get("needs", ())),
        capability=requirement.get("capability"),
        fairness=requirement.get("fairness"),
        not_tested_reason=requirement.get("not_tested_reason"),
        premise=requirement.get("premise", False),
        builds_on=tuple(causes.get("builds_on", ())),
        presumes=tuple(
            Presumption(checks, tuple(without)) for checks, without in causes.get("presumes", {}).items()
        ),
        harm=Harm(causes["harm"]) if "harm" in causes else None,
        harms=tuple((check, Harm(harm).value) for check, harm in causes.get("checks", {}).items()),
    )
