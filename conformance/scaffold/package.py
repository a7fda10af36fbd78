"""Writes the package of a new contract from the templates beside this module."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.scaffold.document import Described

_TEMPLATES = Path(__file__).parent / "templates"
# Template -> the file it becomes, below the folder that is named like the API. `@` stands for the package.
_FILES = {
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "init.py": "@/__init__.py",
    "contract.py": "@/contract.py",
    "client.py": "@/client.py",
    "conftest.py": "@/conftest.py",
    "test_not_found.py": "@/test_not_found.py",
    "requirements.toml": "@/specs/requirements.toml",
}


def write(name: str, described: Described, output: Path) -> list[Path]:
    """Writes the package into a new folder `output / name`; returns its files.

    Raises UsageError where the name can't be that of an API, or where the folder is there already.
    """
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) is None:
        raise UsageError(
            f"{name!r} can't be the name of an API",
            hint="It has small letters, digits and hyphens, as in acme-payouts.",
        )
    folder = output / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{folder} is there already", hint="Choose another name, or --output.") from None
    package = name.replace("-", "_")
    values = _values(name, package, described)
    written = []
    for template, target in _FILES.items():
        written.append(_written(folder / target.replace("@", package), _rendered(template, values)))
    written.append(_written(folder / package / "specs" / "openapi.yaml", _yaml(described.specification)))
    return written


def _values(name: str, package: str, described: Described) -> dict[str, Any]:
    fields = {"basic": ("user_name", "password"), "bearer": ("token",)}.get(described.scheme, ("key",))
    return {
        "name": name,
        "package": package,
        "prefix": _prefix(name),
        "api": described,
        "fields": fields,
        "header": "Authorization" if described.scheme in ("basic", "bearer") else described.scheme,
    }


def _prefix(name: str) -> str:
    """The letters that requirement ids begin with: `acme-payouts` -> `AP`; two to four of them."""
    initials = re.sub(r"[^a-z]", "", "".join(word[0] for word in name.split("-")))
    letters = initials if len(initials) >= 2 else f"{re.sub('[^a-z]', '', name)}x"
    return letters[: 4 if len(initials) >= 2 else 2].upper()


def _rendered(template: str, values: Mapping[str, Any]) -> str:
    import jinja2  # late: only this command needs it

    environment = jinja2.Environment(  # noqa: S701 - Python and TOML, no HTML
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{template}.jinja").render(values)


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml  # late, as above

    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110)
    return text


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
