"""The OpenAPI documents: valid, as strict as the source documents and no stricter."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

SPECS = Path(__file__).resolve().parents[2] / "specs"
FOLDERS = ["withdraws", "payout_intents"]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}

DATA: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "answers.yaml").read_text("utf-8"))


class Answer(NamedTuple):
    """A documented answer: where its schema stands, and a body as documented."""

    folder: str
    operation: str
    status: str
    body: dict[str, Any]

    def __str__(self) -> str:
        """The answer's name in the data file."""
        return f"{self.operation} {self.status}"


ANSWERS = [Answer(*given) for given in DATA["answers"]]

# One value of each JSON type.
SAMPLES: dict[str, Any] = {
    "null": None, "boolean": True, "integer": 7, "number": 7.5, "string": "text", "array": [], "object": {},
}  # fmt: skip


@cache
def document(folder: str) -> dict[str, Any]:
    """An OpenAPI document, shared by all tests: do not modify it."""
    loaded: dict[str, Any] = yaml.safe_load((SPECS / folder / "openapi.yaml").read_text("utf-8"))
    return loaded


def resolved(folder: str, value: dict[str, Any]) -> dict[str, Any]:
    """The value, or what its reference points at."""
    if "$ref" in value:
        found: dict[str, Any] = document(folder)
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return found
    return value


def operations(folder: str) -> dict[str, dict[str, Any]]:
    """The operations of one document by operationId."""
    return {
        operation["operationId"]: operation
        for item in document(folder)["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    }


def response(folder: str, operation: str, status: str) -> dict[str, Any]:
    """A response of an operation."""
    return resolved(folder, operations(folder)[operation]["responses"][status])


def validator(folder: str, schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of a schema that may refer to the components of its document."""
    whole = {"allOf": [schema], "components": document(folder)["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker(["uuid"]))


@cache
def body_validator(folder: str, operation: str, status: str) -> Draft202012Validator:
    """The validator of one response body."""
    return validator(folder, response(folder, operation, status)["content"]["application/json"]["schema"])


def kind(value: Any) -> str:
    """The JSON type of a value."""
    return next(name for name, sample in SAMPLES.items() if type(sample) is type(value))


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every member of every object within a value."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield (*path, key), part
            yield from leaves(part, (*path, key))


def corruptions(body: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Every body that differs from a good one in one place: (pointer, change, body)."""
    for path, value in leaves(body):
        pointer = "/" + "/".join(path)
        wrong: list[tuple[str, Any]] = [(k, sample) for k, sample in SAMPLES.items() if k != kind(value)]
        if isinstance(value, bool):
            wrong.append((str(not value).lower(), not value))
        wrong += [(repr(text), text) for text in DATA["wrong_texts"].get(pointer, [])]
        for what, replacement in [*wrong, ("removed", None)]:
            changed = copy.deepcopy(body)
            parent = reduce(getitem, path[:-1], changed)
            if what == "removed":
                del parent[path[-1]]
            else:
                parent[path[-1]] = replacement
            yield pointer, what, changed


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_document_is_valid(folder: str) -> None:
    """OpenAPI 3.1, by its own rules."""
    assert document(folder)["openapi"].startswith("3.1.")

    OpenAPIV31SpecValidator(document(folder)).validate()


def test_operation_ids_and_statuses() -> None:
    """Fixed names, every documented status, and an open 4XX for the refusals that no document describes."""
    found = {name: set(o["responses"]) for folder in FOLDERS for name, o in operations(folder).items()}

    assert found == {
        "cancelWithdraw": {"200", "400", "404", "4XX"},
        "cancelPayoutIntent": {"202", "404", "409", "422", "4XX"},
        "getPayoutIntent": {"200", "404", "4XX"},
    }


def test_paths_are_the_documented_ones() -> None:
    """The addresses, without a prefix that belongs to the base URL."""
    assert list(document("withdraws")["paths"]) == ["/api/v1/withdraws/{withdraw_id}/cancel"]
    assert list(document("payout_intents")["paths"]) == [
        "/payout_intents/{id}/cancel",
        "/payout_intents/{id}",
    ]


def test_undocumented_refusals_are_unconstrained() -> None:
    """No content means that neither a media type nor a body is asked for."""
    for folder in FOLDERS:
        for name in operations(folder):
            assert set(response(folder, name, "4XX")) == {"description"}, name


def test_authentication_is_declared() -> None:
    """Every operation declares authentication: all three headers together, or Basic."""
    withdraws, intents = (document(folder) for folder in FOLDERS)
    schemes = withdraws["components"]["securitySchemes"]

    (needed,) = withdraws["security"]
    assert [schemes[name]["name"] for name in needed] == ["X-API-Key", "X-Timestamp", "X-Signature"]
    assert all(schemes[name]["type"] == "apiKey" and schemes[name]["in"] == "header" for name in needed)
    assert intents["security"] == [{"basic": []}]
    assert intents["components"]["securitySchemes"]["basic"]["scheme"] == "basic"
    assert not any("security" in o for folder in FOLDERS for o in operations(folder).values())


def test_a_withdraw_cancel_has_no_body() -> None:
    """The empty body is what the signature covers."""
    assert "requestBody" not in operations("withdraws")["cancelWithdraw"]


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({}, True),
        ({"reason": ""}, True),
        ({"reason": "duplicate_request"}, True),
        ({"reason": "x" * 512}, True),
        ({"reason": "\U0001f4b8" * 512}, True),
        ({"reason": "x", "note": 1}, True),
        ({"reason": "x" * 513}, False),
        ({"reason": 1}, False),
        ({"reason": None}, False),
        ([], False),
        ("reason", False),
    ],
)
def test_the_body_of_a_payout_intent_cancel(body: Any, valid: bool) -> None:
    """An object with one optional string of at most 512 characters; other keys are its own affair."""
    content = operations("payout_intents")["cancelPayoutIntent"]["requestBody"]["content"]
    shown = str(body)[:40]

    assert validator("payout_intents", content["application/json"]["schema"]).is_valid(body) is valid, shown


def test_parameters_have_documented_constraints_only() -> None:
    """A withdraw's id is called a UUID; a payout intent's id and an Idempotency-Key are any text."""
    (withdraw_id,) = operations("withdraws")["cancelWithdraw"]["parameters"]
    (key,) = operations("payout_intents")["cancelPayoutIntent"]["parameters"]

    assert withdraw_id["schema"] == {"type": "string", "format": "uuid"}
    assert document("payout_intents")["components"]["parameters"]["id"]["schema"] == {"type": "string"}
    assert (key["name"], key["required"], key["schema"]) == ("Idempotency-Key", False, {"type": "string"})


def test_no_object_is_closed() -> None:
    """A field that a target adds is no violation, nor is one that a caller adds."""

    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
            for part in value.values():
                yield from keys(part)
        elif isinstance(value, list):
            for part in value:
                yield from keys(part)

    closing = {"additionalProperties", "unevaluatedProperties", "maxProperties", "propertyNames", "enum"}
    for folder in FOLDERS:
        assert not closing & set(keys(document(folder)))


def test_cancel_links_to_read() -> None:
    """The id of the answer to a cancel is what GET is asked for."""
    links = response("payout_intents", "cancelPayoutIntent", "202")["links"]

    assert [(x["operationId"], x["parameters"]) for x in links.values()] == [
        ("getPayoutIntent", {"id": "$response.body#/id"})
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_examples_are_valid(folder: str) -> None:
    """Each documented status has an example that its schema accepts, and so has the request body."""
    for name, operation in operations(folder).items():
        bodies = [resolved(folder, r) for status, r in operation["responses"].items() if status != "4XX"]
        for described in bodies + [operation[key] for key in ("requestBody",) if key in operation]:
            media = described["content"]["application/json"]
            assert media["examples"], name
            for example in media["examples"].values():
                validator(folder, media["schema"]).validate(example["value"])


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_documented_codes_are_machine_readable(answer: Answer) -> None:
    """x-documented-codes holds the code of every documented refusal, also where the schema admits others."""
    described = response(*answer[:3])

    if answer.status < "400":
        assert "x-documented-codes" not in described
        return
    assert described["x-documented-codes"] == [answer.body["error"]["code"]]
    for example in described["content"]["application/json"]["examples"].values():
        assert example["value"]["error"]["code"] in described["x-documented-codes"]


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_documented_answer_is_valid(answer: Answer) -> None:
    """The answers that the documents show satisfy the schemas."""
    body_validator(*answer[:3]).validate(answer.body)


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_corrupted_answer_is_invalid(answer: Answer) -> None:
    """A documented answer with one corruption violates its schema."""
    validate = body_validator(*answer[:3])
    results = {(at, what): validate.is_valid(body) for at, what, body in corruptions(answer.body)}

    accepted = {case for case, valid in results.items() if valid}
    tolerated = {
        (at, what)
        for entry in DATA["tolerated"]
        if entry["answer"] == str(answer) and entry["why"]
        for at in entry["at"]
        for what in entry["what"]
    }
    assert accepted - tolerated == set(), "accepted, but not among the tolerated"
    assert tolerated - accepted == set(), "listed as tolerated, but rejected or never generated"


def test_there_are_enough_corruptions() -> None:
    """The generator has not dried up."""
    assert sum(1 for answer in ANSWERS for _ in corruptions(answer.body)) > 600


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_additional_keys_are_fine_everywhere(answer: Answer) -> None:
    """Targets may say more than the documents do."""
    body = copy.deepcopy(answer.body)
    for _, value in [((), body), *leaves(body)]:
        if isinstance(value, dict):
            value["additional"] = {"by": ["the target"]}

    body_validator(*answer[:3]).validate(body)


def variants(kind: str) -> list[tuple[Answer, dict[str, Any]]]:
    """The changes of one kind in the data file, each with the answer it applies to."""
    return [(answer, change) for answer in ANSWERS for change in DATA[kind].get(str(answer), [])]


def changed(answer: Answer, change: dict[str, Any]) -> dict[str, Any]:
    """The body of an answer with some members replaced; those of data, where there is one."""
    body = copy.deepcopy(answer.body)
    body.get("data", body).update(change)
    return body


@pytest.mark.parametrize(("answer", "change"), variants("honest"), ids=str)
def test_an_honest_variant_is_valid(answer: Answer, change: dict[str, Any]) -> None:
    """A variant that no document excludes satisfies the schema."""
    body_validator(*answer[:3]).validate(changed(answer, change))


@pytest.mark.parametrize(("answer", "change"), variants("dishonest"), ids=str)
def test_a_dishonest_variant_is_invalid(answer: Answer, change: dict[str, Any]) -> None:
    """A variant beyond the tolerance for undocumented types violates the schema."""
    assert not body_validator(*answer[:3]).is_valid(changed(answer, change))


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_body_is_an_object(answer: Answer) -> None:
    """No other JSON value will do."""
    for body in (None, True, 7, "text", [], [answer.body]):
        assert not body_validator(*answer[:3]).is_valid(body), body


def test_reading_does_not_need_the_failure_fields() -> None:
    """The failure fields may be absent as long as nothing has failed."""
    body = {key: value for key, value in DATA["bodies"]["intent"].items() if not key.startswith("failure_")}

    body_validator("payout_intents", "getPayoutIntent", "200").validate({**body, "status": "processing"})
