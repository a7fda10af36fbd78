"""Reads the OpenAPI document of an API: its operations, and the schema that each documented answer has to satisfy.

YAML and jsonschema are imported on first use: a run that never validates pays for neither.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from conformance.catalogue import api_folder, apis
from conformance.errors import HarnessError

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True, slots=True)
class Operation:
    """One documented operation. `statuses` are those with a number; `parameter` is the name of the id in `path`.

    `credentials` are the names of the headers that authenticate a request.
    """

    id: str
    api: str
    method: str
    path: str
    parameter: str
    statuses: tuple[int, ...]
    credentials: tuple[str, ...]
    has_body: bool

    @property
    def name(self) -> str:
        """The id in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.id).lower()

    def target(self, segment: str) -> str:
        """Returns the path with `segment` (already percent-encoded) in the place of the id."""
        return self.path.replace(f"{{{self.parameter}}}", segment)


@dataclass(frozen=True, slots=True)
class Breach:
    """One violation of a schema by a body. `field` is dotted (`data.amount`), empty for the whole."""

    field: str
    keyword: str
    message: str

    def __str__(self) -> str:
        return f"{self.field or 'the body'}: {self.message}"


@cache
def document(api: str) -> Mapping[str, Any]:
    """Returns the parsed specification of `api`. Raises HarnessError where it can't be read."""
    import yaml  # see the module's docstring

    path = api_folder(api) / "openapi.yaml"
    try:
        # The safe loader in C, where it was built, takes a tenth of the time.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        parsed = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - see above
    except (OSError, yaml.YAMLError) as fault:
        raise HarnessError(
            f"the specification of {api} can't be read: {fault}", hint="Reinstall payout-conformance."
        ) from fault
    return dict(parsed)


@cache
def operations(api: str) -> tuple[Operation, ...]:
    """Returns the operations of `api`, in the order of the document."""
    return tuple(_operations(api))


@cache
def operation(operation_id: str) -> Operation:
    """Returns the operation of that id, of any API. Raises HarnessError where none does."""
    for api in apis():
        for one in operations(api):
            if one.id == operation_id:
                return one
    raise HarnessError(f"no specification has an operation {operation_id!r}")


def prepare(api: str) -> None:
    """Loads the specification and a validator for each status, before the first answer is judged."""
    for one in operations(api):
        for status in one.statuses:
            breaches(one.id, status, None)


def breaches(operation_id: str, status: int, body: Any) -> list[Breach]:
    """Returns the breaches of the schema by a parsed body, each a line as text; empty if the body is valid.

    A status that is documented without a schema (any other 4xx) allows every body; one that isn't documented is a
    breach itself.
    """
    one = operation(operation_id)
    found = _response(one, status)
    if found is None:
        known = ", ".join(map(str, one.statuses))
        return [Breach("", "status", f"status {status} is not documented (documented: {known})")]
    validator = _validator(operation_id, status)
    if validator is None:
        return []
    errors = sorted(
        validator.iter_errors(body), key=lambda error: [str(step) for step in error.absolute_path]
    )
    return list(dict.fromkeys(_breach(error) for error in errors))


def _operations(api: str) -> Iterator[Operation]:
    spec = document(api)
    schemes = spec.get("components", {}).get("securitySchemes", {})
    for path, item in spec["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            one = item[method]
            parameters = [
                _resolved(spec, each) for each in (*item.get("parameters", ()), *one.get("parameters", ()))
            ]
            names = [name for either in one.get("security", spec.get("security", ())) for name in either]
            yield Operation(
                id=one["operationId"],
                api=api,
                method=method.upper(),
                path=path,
                parameter=next((each["name"] for each in parameters if each["in"] == "path"), ""),
                statuses=tuple(int(status) for status in one["responses"] if str(status).isdigit()),
                credentials=tuple(
                    dict.fromkeys(schemes[name].get("name", "Authorization") for name in names)
                ),
                has_body="requestBody" in one,
            )


def _response(one: Operation, status: int) -> Mapping[str, Any] | None:
    spec = document(one.api)
    responses = spec["paths"][one.path][one.method.lower()]["responses"]
    for name in (str(status), f"{status // 100}XX", "default"):
        if name in responses:
            return _resolved(spec, responses[name])
    return None


def _resolved(spec: Mapping[str, Any], item: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in item:
        found: Any = spec
        for step in str(item["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
        item = found
    return item


@cache
def _validator(operation_id: str, status: int) -> Any:
    import jsonschema  # see the module's docstring

    one = operation(operation_id)
    content = (_response(one, status) or {}).get("content", {})
    schema = next((media["schema"] for media in content.values() if "schema" in media), None)
    if schema is None:
        return None
    # With the components beside it, every reference of the document resolves inside the schema itself.
    whole = {**schema, "components": document(one.api)["components"]}
    return _dialect(jsonschema)(whole)


@cache
def _dialect(jsonschema: Any) -> Any:
    """Returns JSON Schema 2020-12 with patterns as in ECMA 262: `$` is the end, not the place before a newline."""

    def pattern(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[Any]:
        if validator.is_type(instance, "string") and not _compiled(wanted).search(instance):
            yield jsonschema.ValidationError(f"{instance!r} does not match {wanted!r}")

    return jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern})


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", pattern), re.ASCII)


def _breach(error: Any) -> Breach:
    steps = [str(step) for step in error.absolute_path]
    keyword, shown = str(error.validator), _short(error.instance)
    if keyword == "required":
        missing = next((name for name in error.validator_value if name not in error.instance), "")
        # jsonschema tells of each missing name on its own, in its message only.
        named = re.match(r"'(.+)' is a required property", error.message)
        return Breach(".".join([*steps, named[1] if named else missing]), keyword, "is missing")
    return Breach(
        ".".join(steps), keyword, _said(keyword, error.validator_value, shown) or _cut(error.message)
    )


def _said(keyword: str, wanted: Any, shown: str) -> str | None:
    match keyword:
        case "type":
            return f"should be {wanted if isinstance(wanted, str) else ' or '.join(wanted)}, and is {shown}"
        case "const":
            return f"should be {json.dumps(wanted)}, and is {shown}"
        case "pattern":
            return f"should match {wanted}, and is {shown}"
        case "minLength" | "maxLength":
            return f"should have at {'least' if keyword == 'minLength' else 'most'} {wanted} characters, and is {shown}"
        case "not":
            return f"should not be {shown}"
    return None


def _short(value: Any) -> str:
    try:
        return _cut(json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError):
        return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
