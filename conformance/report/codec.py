"""Turns the dataclasses of a run into JSON values and back, without loss. Standard library only.

`from_json` raises KeyError, TypeError or ValueError for data that it can't read; `record.load` and `journal.read` turn
these into a RecordError with a hint.
"""

import base64
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from conformance.model import Headers

Json = dict[str, Any]
Made = TypeVar("Made")


def dumps(value: object, *, indent: int | None = None) -> str:
    """Returns JSON in ASCII (so that lone surrogates survive); the same value always gives the same text."""
    separators = None if indent else (",", ":")
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=indent, separators=separators)


def logged(value: object, *, indent: int | None = None) -> str:
    """Returns what `dumps` does, with nothing in it that is a command to a CI server which reads it in a job's log."""
    # A hash is never outside of a string in JSON.
    return dumps(value, indent=indent).replace("##", "#\\u0023")


def lined(value: object, margin: str = "") -> str:
    """Returns what `dumps` does, with a line of its own for each key, and for each item of a list.

    Python indents a hundred times slower than it writes, and a run's record has a hundred thousand values.
    """
    inner = margin + " "
    if isinstance(value, dict) and value:
        rows = [f"{dumps(key)}: {lined(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + row for row in rows) + f"\n{margin}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + dumps(item) for item in value) + f"\n{margin}]"
    return dumps(value)


def replace_file(path: Path, text: str | Iterable[str]) -> Path:
    """Writes `text` (UTF-8) under `path` in one step: readers see the old file or the new, never a half.

    Pieces of a text are written one after the other, so that it needn't be in memory as a whole.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines((text,) if isinstance(text, str) else text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def body_to_json(body: bytes) -> Json:
    """Returns `{"text": ...}` for UTF-8, `{"base64": ...}` for anything else, `{}` for nothing."""
    if not body:
        return {}
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def body_from_json(data: Mapping[str, Any]) -> bytes:
    """Returns the bytes that `body_to_json` was given."""
    if "base64" in data:
        return base64.b64decode(data["base64"], validate=True)
    return str(data.get("text", "")).encode()


def to_json(value: Any) -> Json:
    """Returns a dataclass of `conformance.model` as an object: its fields by name, in their order.

    The types of the fields say how each is written; their metadata (`model.OMITTED` and the like) says what is left
    out.
    """
    written: Json = {}
    for one in _coders(type(value)):
        item = getattr(value, one.name)
        if not (one.omitted and item == one.default):
            written[one.name] = one.encode(item)
    return written


def from_json(kind: type[Made], data: Mapping[str, Any], **given: object) -> Made:
    """Returns the `kind` that `to_json` was given. `given` are fields that aren't in the JSON."""
    found: Json = {}
    for one in _coders(kind):
        if one.name in data or not one.optional:
            found[one.name] = one.decode(data[one.name])
    return kind(**given, **found)


@dataclass(frozen=True, slots=True)
class _Coder:
    """The codec of one field. `optional` fields may be absent, `omitted` ones are where they have their default."""

    name: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    default: object
    optional: bool
    omitted: bool


def _made_coders(kind: type) -> tuple[_Coder, ...]:
    hints = get_type_hints(kind)
    return tuple(_coder(one, hints[one.name]) for one in fields(kind) if one.metadata.get("json") != "never")


def _coder(one: Field[Any], hint: Any) -> _Coder:
    said = one.metadata.get("json")
    encode, decode = _OBJECT if said == "object" else _coding(hint)
    return _Coder(one.name, encode, decode, one.default, said is not None, said in ("omitted", "object"))


_coders: Callable[[Any], tuple[_Coder, ...]] = cache(_made_coders)
"""Returns the codecs of the fields of a dataclass."""


def _coding(hint: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Returns the encoder and the decoder of a type."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    parts = get_args(hint)
    if NoneType in parts:
        encode, decode = _coding(next(part for part in parts if part is not NoneType))
        return (lambda value: None if value is None else encode(value)), (
            lambda value: None if value is None else decode(value)
        )
    origin = get_origin(hint)
    if origin is tuple:
        encode, decode = _coding(parts[0])
        return (lambda value: [encode(one) for one in value]), (
            lambda value: tuple(decode(one) for one in value)
        )
    if origin is not None:
        return dict, dict
    if issubclass(hint, Enum):
        return (lambda value: value.value), hint
    return to_json, lambda value: from_json(hint, value)


def _headers(pairs: Sequence[Sequence[str]]) -> Headers:
    # The same few, thousands of times.
    return tuple((sys.intern(str(name)), sys.intern(str(value))) for name, value in pairs)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not an index")
    return value


def _as_it_is(value: Any) -> Any:
    return value


_PLAIN: dict[Any, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    str: (_as_it_is, _as_it_is),
    int: (_as_it_is, _whole),
    float: (_as_it_is, float),
    bool: (_as_it_is, bool),
    bytes: (body_to_json, body_from_json),
    Headers: (lambda pairs: [list(pair) for pair in pairs], _headers),
}
# Pairs of which each first part is there once.
_OBJECT: tuple[Callable[[Any], Any], Callable[[Any], Any]] = (
    dict,
    lambda found: tuple((str(name), str(value)) for name, value in found.items()),
)
