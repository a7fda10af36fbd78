"""Builds the JSON Schema of a profile from the contracts, for editors: `specs/formats/profile.schema.json`.

`python -m conformance.profile_schema` prints the schema for all contracts that are found, further ones included.
`conformance.profile` checks the same, and more: secrets, URLs, ids that are listed twice.
"""

import json
from collections.abc import Sequence
from typing import Any

from conformance import contracts
from conformance.contract import Contract
from conformance.profile import OWNERS, SOURCES

Schema = dict[str, Any]


def text(known: Sequence[Contract]) -> str:
    """Returns the schema of profiles of these APIs as JSON text."""
    return _rendered(build(known), 0) + "\n"


def build(known: Sequence[Contract]) -> Schema:
    """Returns the schema of profiles of these APIs."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://payout-conformance.invalid/formats/profile.schema.json",
        "title": "Profile",
        "description": "One target and one API: where it is, how to authenticate, and how to obtain payouts in each "
        "state. Written in TOML.",
        **_table(
            {**{name: _ref(name) for name in _TABLES}, "scope": _ref("scope")},
            required=("target", "credentials", "states"),
        ),
        "allOf": [
            {
                "if": {
                    "properties": {
                        "target": {"properties": {"api": {"const": one.name}}, "required": ["api"]}
                    },
                    "required": ["target"],
                },
                "then": _ref(one.name),
            }
            for one in known
        ],
        "$defs": {
            **_TABLES,
            "target": _target(known),
            "capabilities": _capabilities(known),
            "environmentReference": {
                "description": "The name of an environment variable. A credential never stands in a profile itself.",
                "type": "string",
                "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$",
            },
            **_RECIPES,
            "scope": {
                "description": "What is not certified, and why. Stands beside the verdict wherever that appears.",
                **_table({name: {"type": "string", "minLength": 1} for name in OWNERS[1:]}),
            },
            "pool": {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True},
            **{one.name: _of(one) for one in known},
        },
    }


def _of(contract: Contract) -> Schema:
    """Returns the part of the schema that holds for one API."""
    fields = {field: _ref("environmentReference") for field in contract.authentication.fields}
    others: Schema = {owner: _table(fields, required=tuple(fields)) for owner in contract.others}
    if contract.environments:
        others["other_environment"] = {
            "description": "The first merchant in the other environment. Beside a test target it counts as live unless "
            "it says otherwise, and then only reads are sent with it, unless --allow-live is given.",
            **_table({**fields, "environment": {"type": "string", "minLength": 1}}, required=tuple(fields)),
        }
    else:
        others["other_environment"] = False
    states: Schema = {"ids": _pools(contract), "requests": _requests(contract)}
    if not contract.states.named_by_profile:
        states["terminal"] = False
    if contract.requests.read is not None:
        states["read_path"] = False
    return {
        "properties": {
            "credentials": {"properties": {"primary": _table(fields, required=tuple(fields)), **others}},
            "states": {"properties": states},
        }
    }


def _pools(contract: Contract) -> Schema:
    """Returns the schema of `[states.ids]`: lists of ids by state, of the primary merchant and of the others."""
    own: Schema = {state: _ref("pool") for state in contract.states.documented()}
    for kind in contract.states.kinds:
        own[kind.pool] = {
            "description": f"{contract.noun}s in {kind.status}{kind.words}; an empty list says that there are none.",
            **_ref("pool"),
        }
    more: Schema = {"additionalProperties": False}
    if contract.states.named_by_profile:
        # In TOML a key behind the header [states.ids] belongs to it.
        above = [key for key in _TABLES["states"]["properties"] if key != "ids"]
        more = {"additionalProperties": _ref("pool"), "propertyNames": {"not": {"enum": above}}}
    table = {"type": "object", "properties": own, **more}
    return {**table, "properties": {**own, **dict.fromkeys(contract.others, table)}}


def _requests(contract: Contract) -> Schema:
    """Returns the schema of `[states.requests]`: the create, and a table for each state that can be had."""
    own: Schema = {state: _ref("recipe") for state in contract.states.documented()}
    for kind in contract.states.kinds:
        own[kind.pool] = {
            "description": f"{contract.noun}s in {kind.status}{kind.words}; false says that there are none.",
            "anyOf": [_ref("recipe"), {"const": False}],
        }
    more = _ref("recipe") if contract.states.named_by_profile else False
    return {
        "type": "object",
        "required": ["create"],
        "properties": {"create": _ref("create"), **own},
        "additionalProperties": more,
    }


def _target(known: Sequence[Contract]) -> Schema:
    return {
        "description": "The system that is judged.",
        **_table(
            {
                "name": {"description": "Shown in reports.", "type": "string", "minLength": 1},
                "api": {"enum": [one.name for one in known]},
                "base_url": {
                    "description": "What the paths of the API are appended to. No user name, query or fragment.",
                    "type": "string",
                    "pattern": r"^https?://[^/?#@\s]+(?:/[^?#\s]*)?$",
                },
                "environment": {
                    "description": "The environment of the primary credentials, in any word. live and production need "
                    "--allow-live.",
                    "type": "string",
                    "minLength": 1,
                },
                "headers": {
                    **_HEADERS,
                    "description": "Sent with every request. A secret is written as ${NAME}.",
                },
                "proxy": {
                    "description": "The HTTP proxy in front of the target. Absent: none, also none of the environment.",
                    "type": "string",
                    "pattern": r"^http://[^/?#@\s]+/?$",
                },
            },
            required=("name", "api", "base_url", "environment"),
        ),
    }


def _capabilities(known: Sequence[Contract]) -> Schema:
    own = {
        one.name: {"description": f"{contract.name}: {one.help}.", "type": "boolean"}
        for contract in known
        for one in contract.capabilities
    }
    announcing = ", ".join(one.name for one in known if one.webhooks) or "no API"
    return {
        "description": "What the target declares it can do beyond the obligatory. Absent means false.",
        **_table(
            {
                **own,
                "settlement": {
                    "description": "The state source can be asked to pay one now.",
                    "type": "boolean",
                },
                "webhooks": {"description": f"{announcing}: webhooks reach the harness.", "type": "boolean"},
            }
        ),
    }


def _table(properties: Schema, *, required: Sequence[str] = ()) -> Schema:
    """Returns the schema of a TOML table with these keys and no others."""
    return {
        "type": "object",
        **({"required": list(required)} if required else {}),
        "properties": properties,
        "additionalProperties": False,
    }


def _rendered(value: Any, depth: int) -> str:
    """Returns a value as JSON, on one line where it is short."""
    line = json.dumps(value)
    if len(line) + 2 * depth < 100 or not isinstance(value, dict | list):
        return line
    start, end, inner = "\n" + "  " * (depth + 1), "\n" + "  " * depth, depth + 1
    if isinstance(value, list):
        return f"[{start}{f',{start}'.join(_rendered(one, inner) for one in value)}{end}]"
    pairs = (f"{json.dumps(name)}: {_rendered(one, inner)}" for name, one in value.items())
    return f"{{{start}{f',{start}'.join(pairs)}{end}}}"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_HEADERS = {
    "description": "By name. A secret is written as ${NAME}.",
    "type": "object",
    "propertyNames": {"pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"},
    "additionalProperties": {"type": "string", "minLength": 1},
}
_POINTER = {
    "description": "A JSON Pointer (RFC 6901) into the answer.",
    "type": "string",
    "pattern": r"^(?:/(?:[^~]|~[01])*)?$",
}
_PATH = {"description": "Appended to base_url.", "type": "string", "pattern": r"^/[^\s#]*$"}
_BODY: Schema = {
    "json": {"description": "The body. {unique}, {status}, {now}, {webhook_url} and {id} are filled in."},
    "form": {"description": "The body as a form.", "type": "object"},
    "headers": _HEADERS,
    "status": {
        "description": "The statuses that count as success. Absent: every 2xx.",
        "type": "array",
        "items": {"type": "integer", "minimum": 200, "maximum": 599},
    },
}
_REQUEST: Schema = {
    "method": {"description": "Absent: POST.", "enum": ["POST", "PUT", "PATCH", "DELETE", "GET"]},
    "path": _PATH,
    **_BODY,
}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
_WHOLE = {"type": "integer", "minimum": 1}
_URL = r"^https?://[^/?#@\s]+\S*$"

_TABLES: dict[str, Schema] = {
    "target": {},
    "credentials": {
        "description": "The merchants that the harness acts as. The keys of each depend on the API.",
        **_table(
            {
                "primary": {"type": "object"},
                "other_merchant": {
                    "description": "A second merchant; without one, tenancy is not testable.",
                    "type": "object",
                },
                "other_environment": {"description": "The same merchant elsewhere.", "type": "object"},
            },
            required=("primary",),
        ),
    },
    "states": {
        "description": "How payouts are obtained: by exactly one of url, command, ids, requests and sandbox.",
        **_table(
            {
                "url": {"description": "A provider-state endpoint.", "type": "string", "pattern": _URL},
                "command": {
                    "description": "A program and its arguments; {status} is filled in. It prints an id, or what the "
                    "endpoint would answer.",
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                },
                "ids": {"description": "Pools of ids, each id used once.", "type": "object"},
                "requests": {"description": "Requests of the target's own API.", "type": "object"},
                "headers": {**_HEADERS, "description": "Sent to url. A secret is written as ${NAME}."},
                "sandbox": {"description": "The embedded sandbox.", "const": True},
                "terminal": {
                    "description": "The names of all terminal states, where the document doesn't name them.",
                    "type": "array",
                    "items": {"type": "string", "minLength": 1},
                    "minItems": 1,
                    "uniqueItems": True,
                },
                "read_path": {
                    "description": "The path of a read, {id} standing for the id, where none is documented.",
                    "type": "string",
                    "pattern": r"^/\S*\{id\}\S*$",
                },
                "requests_per_second": {
                    "description": "Of the source alone. Absent: no limit.",
                    **_POSITIVE,
                },
            }
        ),
        "oneOf": [{"required": [one]} for one in SOURCES],
    },
    "capabilities": {},
    "webhooks": {
        "description": "Where the harness listens for webhooks, and the address under which the target reaches it.",
        **_table(
            {
                "listen": {"type": "string", "pattern": r"^\S+:[0-9]{1,5}$"},
                "public_url": {"type": "string", "pattern": r"^https?://\S+$"},
            },
            required=("listen",),
        ),
    },
    "limits": {
        "description": "The load that a run may put on the target.",
        **_table(
            {
                "timeout_s": {"description": "Seconds for a whole exchange.", **_POSITIVE},
                "requests_per_second": {"description": "Absent: no limit.", **_POSITIVE},
                "concurrency": _WHOLE,
                "max_requests": _WHOLE,
                "watch_s": {
                    "description": "Seconds from the last cancel of the suites to a last look at what was cancelled. "
                    "Absent: 10.",
                    "type": "number",
                    "minimum": 0,
                },
            }
        ),
    },
}

_RECIPES: dict[str, Schema] = {
    "create": {
        "description": "The request that makes a resource, authenticated like any other.",
        **_table(
            {
                **_REQUEST,
                "method": {"description": "Absent: POST.", "enum": ["POST", "PUT", "PATCH"]},
                "id": {**_POINTER, "description": "JSON Pointer to the id in the answer. Absent: /id."},
                "facts": {
                    "description": "What checks may compare, by JSON Pointers. Absent: the documented fields.",
                    "type": "object",
                    "additionalProperties": _POINTER,
                },
            },
            required=("path",),
        ),
    },
    "recipe": {
        "description": "What is done, beyond create, for a resource in this state. json and form are merged into the "
        "body of create.",
        **_table(
            {
                **_BODY,
                "steps": {
                    "description": "Requests that follow, in this order.",
                    "type": "array",
                    "items": _table(_REQUEST, required=("path",)),
                },
                "cancel": {"description": "The documented cancel follows.", "type": "boolean"},
                "until": {
                    "description": "Repeats a GET until a value is there.",
                    **_table(
                        {
                            "path": _PATH,
                            "pointer": _POINTER,
                            "equals": {},
                            "within_s": {"description": "Absent: 30.", **_POSITIVE},
                        },
                        required=("path", "pointer", "equals"),
                    ),
                },
            }
        ),
    },
}

if __name__ == "__main__":
    print(text(contracts.every()), end="")
