"""Reads a cancel from an OpenAPI file: the operations, their statuses, how a caller authenticates."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.init.document import parsed

_PARAMETER = re.compile(r"\{[^{}/]+\}")
# Of the refusals, these have a cause other than the state of the resource.
_OTHER_CAUSES = (401, 403, 404, 405, 415, 429)


@dataclass(frozen=True, slots=True)
class Described:
    """A cancel, and the read of the same resource where there is one.

    Paths have `{id}` in the place of the parameter. `scheme` is `basic`, `bearer` or the name of a header that carries
    a key; `assumed` tells that the file names none of them. `specification` is an OpenAPI document of these two
    operations alone: fuzzing sends every operation that the document of a contract has.
    """

    cancel: str
    read: str | None
    ok: int
    refused: int
    not_found: int
    scheme: str
    assumed: bool
    specification: Mapping[str, Any]


def described(file: Path, cancel: str | None = None) -> Described:
    """Reads a file; `cancel` is the path of the cancel where several end with `/cancel`, or none does.

    Raises UsageError where the file can't be read, or where nothing or too much in it can be the cancel.
    """
    data = parsed(file)
    if "swagger" in data:
        raise UsageError(f"{file} is a Swagger 2.0 file", hint="Convert it to OpenAPI 3 first.")
    path = _cancel_path(file, data, cancel)
    read = _read_path(data, path)
    statuses = _statuses(data["paths"][path]["post"])
    scheme = _scheme(data)
    return Described(
        cancel=_PARAMETER.sub("{id}", path),
        read=_PARAMETER.sub("{id}", read) if read else None,
        ok=next((one for one in statuses if 200 <= one < 300), 200),
        refused=next((one for one in statuses if 400 <= one < 500 and one not in _OTHER_CAUSES), 409),
        not_found=404,
        scheme=scheme or "bearer",
        assumed=scheme is None,
        specification=_cut(data, path, read),
    )


def _cancel_path(file: Path, data: Mapping[str, Any], cancel: str | None) -> str:
    posts = [path for path, item in data["paths"].items() if isinstance(item, dict) and "post" in item]
    found = [path for path in posts if (path == cancel if cancel else path.endswith("/cancel"))]
    if len(found) == 1 and len(_PARAMETER.findall(found[0])) == 1:
        return str(found[0])
    if len(found) > 1:
        raise UsageError(
            f"{file} has several operations that cancel: {', '.join(found)}",
            hint="Choose with --cancel PATH.",
        )
    raise UsageError(
        f"{file} has no POST {cancel or '.../{id}/cancel'} with one parameter in its path",
        hint=f"Name the path of the cancel with --cancel: {', '.join(posts) or 'the file has no POST'}.",
    )


def _read_path(data: Mapping[str, Any], cancel: str) -> str | None:
    """The path up to the parameter, if it has a GET: the parameter may be called otherwise there."""
    wanted = _PARAMETER.sub("{}", cancel[: cancel.rindex("}") + 1])
    for path, item in data["paths"].items():
        if _PARAMETER.sub("{}", path) == wanted and isinstance(item, dict) and "get" in item:
            return str(path)
    return None


def _statuses(operation: Mapping[str, Any]) -> list[int]:
    return [int(status) for status in operation.get("responses", {}) if str(status).isdigit()]


def _scheme(data: Mapping[str, Any]) -> str | None:
    for scheme in data.get("components", {}).get("securitySchemes", {}).values():
        if scheme.get("type") == "http" and str(scheme.get("scheme")).lower() in ("basic", "bearer"):
            return str(scheme["scheme"]).lower()
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            return str(scheme["name"])
    return None


def _cut(data: Mapping[str, Any], cancel: str, read: str | None) -> dict[str, Any]:
    """The document without other paths and methods; operations without an id get one."""
    paths: dict[str, Any] = {}
    for path, method, name in ((read, "get", "read"), (cancel, "post", "cancel")):
        if path is not None:
            item = data["paths"][path]
            shared = {key: item[key] for key in ("parameters", "servers") if key in item}
            paths[path] = {**shared, method: {"operationId": name, **item[method]}}
    kept = {key: data[key] for key in ("openapi", "info", "servers", "security") if key in data}
    return {**kept, "paths": paths, "components": _needed({**kept, "paths": paths}, data)}


def _needed(document: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The components that the document refers to, by whatever way, and the security schemes."""
    components: dict[str, Any] = data.get("components", {})
    kept: dict[str, dict[str, Any]] = {}
    if "securitySchemes" in components:
        kept["securitySchemes"] = components["securitySchemes"]
    pending = list(_references(document))
    while pending:
        kind, _, name = pending.pop().removeprefix("#/components/").partition("/")
        if name in components.get(kind, {}) and name not in kept.setdefault(kind, {}):
            kept[kind][name] = components[kind][name]
            pending += _references(kept[kind][name])
    return kept


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield item
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
