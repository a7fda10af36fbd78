"""The published schemas of what is certified, ready to validate with."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema

from conformance.catalogue import specs_dir

_DEFINITION = "#/$defs/"


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """Returns the validator of a schema in `specs/formats`."""
    schema = json.loads((specs_dir() / "formats" / name).read_bytes())
    return jsonschema.Draft202012Validator(_inlined(schema, schema.get("$defs", {}), ()))


def _inlined(part: Any, definitions: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    """Returns a part of a schema with definitions in place of references, but for those that hold themselves.

    To look a reference up takes longer than to validate most of what it stands for.
    """
    if isinstance(part, list):
        return [_inlined(one, definitions, within) for one in part]
    if not isinstance(part, dict):
        return part
    name = str(part.get("$ref", "")).removeprefix(_DEFINITION)
    if name not in definitions or name in within:
        return {key: _inlined(value, definitions, within) for key, value in part.items()}
    beside = {key: value for key, value in part.items() if key != "$ref"}
    # Keywords on both sides hold both; a description asks for nothing.
    if beside.keys() - {"description"}:
        return {
            **_inlined(beside, definitions, within),
            "allOf": [_inlined({"$ref": part["$ref"]}, definitions, within)],
        }
    return {**_inlined(definitions[name], definitions, (*within, name)), **beside}
