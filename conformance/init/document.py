"""Finds the API and its base URL in an OpenAPI file of a target."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from conformance import contracts
from conformance.contract import Contract
from conformance.errors import UsageError
from conformance.init import requests as creating
from conformance.init.answers import Create

_PARAMETER = re.compile(r"\{[^{}/]+\}")


@dataclass(frozen=True, slots=True)
class Found:
    """One API of a document. The documented paths are appended to `base_url`; None where the file names no server.

    `read_path` is where a resource can be read, where the document of the API itself has no read. `create` is the
    call that creates one, where the file describes it.
    """

    api: str
    base_url: str | None
    read_path: str | None
    create: Create | None = None


def read(path: Path) -> list[Found]:
    """Returns the APIs that an OpenAPI (3.x) or Swagger (2.0) file describes, in YAML or JSON.

    Raises UsageError where it can't be read, or describes no API that has a contract.
    """
    data = parsed(path)
    server = _server(data)
    paths = [str(one) for one in data.get("paths") or {}]
    found = [one for contract in contracts.every() for one in _matches(contract, server, data, paths)]
    if not found:
        wanted = " nor ".join(f"POST {one.requests.cancel}" for one in contracts.every())
        raise UsageError(
            f"{path} describes no known API: it has neither {wanted}",
            hint="Is it the right file? Otherwise give --api and --base-url.",
        )
    return found


def shortened(url: str) -> str:
    """Returns the base URL of the address of an operation: without the documented path."""
    for contract in contracts.every():
        fixed = contract.requests.cancel.partition("/{")[0]
        head, mark, _ = url.partition(fixed)
        if mark and urlsplit(head).netloc:
            return head
    return url.rstrip("/")


def _matches(
    contract: Contract, server: str | None, data: Mapping[str, Any], paths: list[str]
) -> Iterator[Found]:
    """Yields the API under any prefix of its path; part of the path may stand in the server's address."""
    base = urlsplit(server or "")
    requests = contract.requests
    wanted = _PARAMETER.sub("{}", requests.cancel)
    # A cancel is sent to the resource, or below it: what follows the path of the resource.
    below = requests.cancel.removeprefix(requests.read_example or "")
    for path in paths:
        whole = base.path.rstrip("/") + path
        if not _PARAMETER.sub("{}", whole).endswith(wanted) or "post" not in (data["paths"][path] or {}):
            continue
        # The names of parameters may differ in length: counted from the front, the prefix is the same.
        prefix = whole[: len(_PARAMETER.sub("{}", whole)) - len(wanted)]
        address = f"{base.scheme}://{base.netloc}{prefix}" if base.netloc else None
        one = path.removesuffix(below)
        reads = requests.read is None and "get" in (data["paths"].get(one) or {})
        read = _PARAMETER.sub("{id}", (base.path.rstrip("/") + one)[len(prefix) :])
        collection = path.rpartition("/{")[0]
        create = creating.found(data, collection, (base.path.rstrip("/") + collection)[len(prefix) :])
        yield Found(contract.name, address, read if reads else None, create)
        return


def parsed(path: Path) -> Mapping[str, Any]:
    """Returns an OpenAPI or Swagger file, in YAML or JSON. Raises UsageError where it is none."""
    import yaml  # late: a profile can be written without an OpenAPI file

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as fault:
        raise UsageError(
            f"{path} can't be read: {fault.strerror}", hint="Check the path given to --openapi."
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as fault:
        first = str(fault).splitlines()[0]
        raise UsageError(
            f"{path} is neither YAML nor JSON: {first}", hint="--openapi takes an OpenAPI file."
        ) from None
    if (
        not isinstance(data, dict)
        or not (data.keys() & {"openapi", "swagger"})
        or not isinstance(data.get("paths"), dict)
    ):
        raise UsageError(
            f"{path} is no OpenAPI file: it has no openapi (or swagger) version and paths",
            hint="--openapi takes an OpenAPI file; --api and --base-url do without one.",
        )
    return data


def _server(data: Mapping[str, Any]) -> str | None:
    """Returns the first server's address, variables filled in with their defaults; None without a host."""
    if "swagger" in data:
        schemes = data.get("schemes") or ["https"]
        host = data.get("host")
        path = data.get("basePath") or ""
        return f"{'https' if 'https' in schemes else schemes[0]}://{host}{path}" if host else path or None
    servers = data.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    url = str(first.get("url") or "")
    for name, variable in (first.get("variables") or {}).items():
        if isinstance(variable, dict):
            url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return urljoin(url, urlsplit(url).path) if url else None
