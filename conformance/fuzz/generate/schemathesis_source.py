"""Generates requests with Schemathesis (pinned to 4.32, with Hypothesis 6) and makes a Case of each.

Used of its documented interface: `openapi.from_dict`, `Config.from_dict`, `APIOperation.as_strategy`,
`schema.find_operation_by_id`. Not documented, though without an underscore: `schema.iter_coverage_cases` and
`APIOperation.get_strategies_from_examples` (both are what its own engine and pytest plugin call), `Case.meta`.

Nothing is sent while Hypothesis runs: a batch is drawn first and sent afterwards. So the target's answers can't
change the stream, an exception can't start shrinking, and a signal stops the run between two requests.
"""

import hashlib
import json
import os
import re
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.fuzz.generate import bodies
from conformance.fuzz.text_field import body_mutation
from conformance.http.reply import MISSING
from conformance.model import Headers
from conformance.openapi import Operation

BATCH = 60
# Stands for a resource that is chosen when the request is sent; percent-encoding leaves it as it is.
_ANY_RESOURCE = "STEERED"
_UUID_LENGTH = 36


def cache_folder() -> Path:
    """Returns where Hypothesis keeps its character tables, so that it leaves no folder in the working directory."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "payout-conformance" / "hypothesis"


class Source:
    """Generates requests from one API's specification, for one seed."""

    def __init__(self, api: str, seed: int) -> None:
        # Late, all of it: whoever only asks for the list of checks doesn't wait for Schemathesis.
        import schemathesis
        from hypothesis.configuration import set_hypothesis_home_dir

        from conformance.fuzz.generate.hypothesis_backend import register

        set_hypothesis_home_dir(cache_folder())
        self._backend = register()
        self._strategies: dict[str, Any] = {}
        self._seed = seed
        whole = dict(openapi.document(api))
        # Without security the fuzzing draws no credentials that would be replaced anyway.
        open_ = {key: value for key, value in whole.items() if key != "security"}
        self._whole = schemathesis.openapi.from_dict(whole, config=_config(schemathesis, seed))
        self._open = schemathesis.openapi.from_dict(open_, config=_config(schemathesis, seed))

    def examples(self, operation: Operation) -> Iterator[Case]:
        """Generates the examples of the specification."""
        from schemathesis.generation.hypothesis.examples import generate_one

        found = self._open.find_operation_by_id(operation.id)
        for strategy in found.get_strategies_from_examples():
            yield from _cases(operation, "examples", [generate_one(strategy)])

    def coverage(self, operation: Operation) -> Iterator[Case]:
        """Generates each constraint met and broken once, each credential left out, each other method."""
        from schemathesis import GenerationMode

        found = self._whole.find_operation_by_id(operation.id)
        cases = self._whole.iter_coverage_cases(
            found,
            generation_modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE],
            generation_config=self._whole.config.generation_for(operation=found, phase="coverage"),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from _cases(operation, "coverage", cases)

    def fuzzing(self, operation: Operation, number: int, size: int) -> Iterator[Case]:
        """Generates batch `number` of random requests, about `size`; half as many where only ids vary."""
        drawn = self._drawn(operation, number, size if operation.has_body else (size + 1) // 2)
        yield from _cases(operation, "fuzzing", drawn)

    def _drawn(self, operation: Operation, number: int, size: int) -> list[Any]:
        """Draws a batch; draws it again if Hypothesis saw something that it couldn't reproduce."""
        from hypothesis.errors import Flaky

        try:
            return self._drawn_once(operation, number, size)
        except Flaky:
            # A batch depends on its seed alone: drawn again it is the same, without the accident.
            return self._drawn_once(operation, number, size)

    def _drawn_once(self, operation: Operation, number: int, size: int) -> list[Any]:
        from hypothesis import HealthCheck, Phase, given, seed, settings

        drawn: list[Any] = []

        @seed(derived(self._seed, operation.id, number))
        @settings(
            max_examples=size,
            backend=self._backend,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[
                HealthCheck.data_too_large,
                HealthCheck.filter_too_much,
                HealthCheck.too_slow,
                HealthCheck.large_base_example,
            ],
        )
        @given(case=self._strategy(operation))
        def draw(case: Any) -> None:
            drawn.append(case)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            draw()
        return drawn[:size]

    def _strategy(self, operation: Operation) -> Any:
        if operation.id not in self._strategies:
            self._strategies[operation.id] = self._new_strategy(operation)
        return self._strategies[operation.id]

    def _new_strategy(self, operation: Operation) -> Any:
        from hypothesis import strategies
        from schemathesis import GenerationMode

        found = self._open.find_operation_by_id(operation.id)
        # Only an id of which the specification says more than that it is a string can be wrong.
        restricted = bool(set(_id_schema(operation)) - {"type", "description"})
        any_resource = {operation.parameter: _ANY_RESOURCE}
        positive, negative = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
        if not operation.has_body:
            return found.as_strategy(generation_mode=negative if restricted else positive)
        parts = [
            found.as_strategy(generation_mode=positive),
            found.as_strategy(generation_mode=positive, path_parameters=any_resource),
            found.as_strategy(generation_mode=negative, path_parameters=any_resource),
        ]
        return strategies.one_of(parts)


def derived(seed: int, *parts: object) -> int:
    """Returns a seed for a part of the run, the same on every machine."""
    text = ":".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _config(schemathesis: Any, seed: int) -> Any:
    return schemathesis.Config.from_dict(
        {"base-url": "http://127.0.0.1", "seed": seed, "generation": {"database": "none"}}
    )


def _id_schema(operation: Operation) -> dict[str, Any]:
    """Returns all that the specification says of the id in the path."""
    item = openapi.document(operation.api)["paths"][operation.path]
    both = (*item.get("parameters", ()), *item[operation.method.lower()].get("parameters", ()))
    found: dict[str, Any] = {}
    for each in both:
        found |= each["schema"] if each.get("in") == "path" and "schema" in each else {}
    return found


def _cases(operation: Operation, phase: str, generated: Any) -> Iterator[Case]:
    for one in generated:
        case = _case(operation, phase, one)
        if case is not None:
            yield case


def _case(operation: Operation, phase: str, generated: Any) -> Case | None:
    """Returns Schemathesis' case as one of ours, None where HTTP can't carry it."""
    key_header, text = contract(operation.api).requests.key_header or "", fuzzing(operation.api).text
    sent = {str(name): str(value) for name, value in dict(generated.headers or {}).items()}
    lower = {name.lower() for name in sent}
    own = {name.lower() for name in operation.credentials} | {"content-type", key_header.lower()}
    if not all(_sendable(name, value) for name, value in sent.items()):
        return None
    body, value = _body(operation, generated.body)
    kind = next((value for name, value in sent.items() if name.lower() == "content-type"), None)
    if kind is not None and body is None:
        return None  # a label on nothing says nothing
    missing = tuple(name for name in operation.credentials if name.lower() not in lower)
    headers: Headers = tuple((name, value) for name, value in sent.items() if name.lower() not in own)
    if body is not None:
        headers = (*headers, ("Content-Type", kind or bodies.media_type(operation)))
    key = next((value for name, value in sent.items() if name.lower() == key_header.lower()), None)
    raw = str(generated.path_parameters.get(operation.parameter, _ANY_RESOURCE))
    if _is_other_method(operation, generated):
        mutation, segment = Mutation.METHOD, None
    elif missing and phase == "coverage":
        mutation, segment = Mutation.MISSING, None
    elif kind is not None:
        mutation, segment = Mutation.TYPE, None
    elif _is_for_a_resource(operation, phase, generated, raw):
        mutation, segment = (
            body_mutation(text, body, value) if operation.has_body else Mutation.DOCUMENTED,
            None,
        )
    else:
        mutation, segment = Mutation.PATH, raw
    # One odd thing at a time: a documented request that is refused has to have one cause.
    special = mutation is Mutation.DOCUMENTED and text is not None and operation.has_body
    special = special and text is not None and not text.is_plain(value)
    how = "fresh" if key is not None or special else "absent"
    odd_key = (
        mutation is Mutation.DOCUMENTED
        and key is not None
        and phase == "fuzzing"
        and len(key) != _UUID_LENGTH
    )
    if odd_key and derived(0, key, str(value)) % 2:
        # Every other odd key is sent as it came; what the rest of them come with gets its chance under a good one.
        mutation, how, headers = Mutation.KEY, "kept", (*headers, (key_header, str(key)))
    return Case(
        operation=operation.id,
        phase=phase,
        method=generated.method,
        mutation=mutation,
        segment=segment,
        headers=headers,
        body=body,
        value=value,
        key=how,
        omitted=missing if mutation is Mutation.MISSING else (),
    )


def _is_other_method(operation: Operation, generated: Any) -> bool:
    return generated.method != operation.method or _scenario(generated) == "unspecified_http_method"


def _is_for_a_resource(operation: Operation, phase: str, generated: Any, raw: str) -> bool:
    """Returns whether the id was meant to be valid, so that a real one may take its place."""
    if raw == _ANY_RESOURCE or (phase != "fuzzing" and not _has_a_negative_path(generated)):
        return True
    return _id_schema(operation).get("format") == "uuid" and _is_uuid(raw)


def _scenario(generated: Any) -> str | None:
    data = generated.meta.phase.data if generated.meta is not None else None
    scenario = getattr(data, "scenario", None)
    return None if scenario is None else str(scenario.value)


def _has_a_negative_path(generated: Any) -> bool:
    if generated.meta is None:
        return False
    return any(
        where.name == "PATH" and info.mode.is_negative for where, info in generated.meta.components.items()
    )


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == _UUID_LENGTH and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _body(operation: Operation, raw: Any) -> tuple[bytes | None, Any]:
    """Returns the bytes of a body, and the value that they stand for."""
    if type(raw).__name__ == "NotSet":
        return None, MISSING
    if isinstance(raw, bytes):
        try:
            return raw, json.loads(raw)
        except (ValueError, RecursionError):
            return raw, MISSING
    if not operation.has_body:
        return json.dumps(raw, ensure_ascii=False).encode("utf-8", "surrogatepass"), raw
    return bodies.encoded(operation, raw), raw


def _sendable(name: str, value: str) -> bool:
    """Returns whether HTTP/1.1 can carry a header (RFC 9110 section 5.5), and does so without trimming it."""
    return (
        re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is not None
        and value == value.strip()
        and all(
            "\x20" <= letter <= "\x7e" or "\xa0" <= letter <= "\xff" or letter == "\t" for letter in value
        )
    )
