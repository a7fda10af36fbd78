"""The stream of requests: the same for a seed, and every kind in it."""

import base64
import re

import pytest

from conformance import openapi
from conformance.fuzz.case import Mutation
from conformance.fuzz.generate.schemathesis_source import Source
from conformance.fuzz.generate.values import NAMES, NUMBERS
from conformance.fuzz.run import Order, stream
from tests.fuzz.support import apis


@apis
def test_one_seed_one_stream(api):
    first = list(stream(api, Order(20, 7)))
    assert list(stream(api, Order(20, 7))) == first
    assert list(stream(api, Order(20, 8))) != first


@pytest.mark.parametrize(
    ("api", "aims"),
    [
        (
            "withdraws",
            {Mutation.DOCUMENTED, Mutation.PATH, Mutation.METHOD, Mutation.MISSING, Mutation.WRONG},
        ),
        ("payout-intents", set(Mutation)),
    ],
)
def test_every_kind_is_tried(api, aims):
    cases = list(stream(api, Order(40, 1)))
    assert {case.mutation for case in cases} == aims
    methods = {case.method for case in cases if case.mutation is Mutation.METHOD}
    assert {"DELETE", "PUT", "PATCH", "TRACE"} <= methods
    missing = {name for case in cases if case.mutation is Mutation.MISSING for name in case.omitted}
    assert missing == {name for one in openapi.operations(api) for name in one.credentials}


def test_a_generated_id_never_goes_with_a_resource():
    for api in ("withdraws", "payout-intents"):
        for case in stream(api, Order(20, 3)):
            assert (case.segment is not None) == (case.mutation is Mutation.PATH)


def test_what_breaks_some_servers_is_sent():
    """Names of prototypes in every place, keys of 4,000 characters, numbers near 2^53, halves of surrogate pairs."""
    cases = list(stream("payout-intents", Order(300, 1)))
    bodies = b"\n".join(case.body or b"" for case in cases)
    headers = [text for case in cases for name, text in case.headers if name == "Idempotency-Key"]
    segments = [case.segment or "" for case in cases]
    texts = [
        case.value["reason"] for case in cases if isinstance(case.value, dict) and "reason" in case.value
    ]
    assert any(name in headers for name in NAMES)
    assert any(name in segments for name in NAMES)
    assert any(name in texts for name in NAMES)
    assert re.search(
        rb'"(constructor|__proto__|toString|hasOwnProperty|valueOf|prototype|__class__)": ', bodies
    )
    pairs = [
        base64.b64decode(text[6:] + "==") for case in cases for _, text in case.altered if _is_basic(text)
    ]
    assert any(pair.split(b":")[0].decode("latin-1") in NAMES for pair in pairs)
    assert 4_000 in {len(text) for text in headers}
    assert b"k" * 4_000 in bodies
    assert any(number in bodies for number in NUMBERS)
    assert re.search(rb"\\ud800|\xed\xa0\x80|\\udc00", bodies)
    signed = list(stream("withdraws", Order(120, 1)))
    assert any(text in NAMES for case in signed for _, text in case.altered)
    assert any(case.body and case.mutation is Mutation.WRONG for case in signed)


def _is_basic(text: str) -> bool:
    return text.startswith("Basic ") and re.fullmatch(r"[A-Za-z0-9+/=]+", text[6:]) is not None


def test_batches_differ():
    cases = list(stream("payout-intents", Order(130, 1)))
    assert len({(case.body, case.segment, case.headers) for case in cases if case.phase == "fuzzing"}) > 60


def test_an_accident_that_does_not_happen_again_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in generation that doesn't repeat neither ends the run nor changes the batch."""
    operation = openapi.operations("payout-intents")[0]
    expected = list(Source("payout-intents", 1).fuzzing(operation, 0, 10))
    source = Source("payout-intents", 1)
    accidents = iter([True])

    def stumbles(example: object) -> object:
        if next(accidents, False):
            raise ValueError("once")
        return example

    whole = source._strategy(operation)
    monkeypatch.setattr(source, "_strategy", lambda _: whole.map(stumbles))

    assert list(source.fuzzing(operation, 0, 10)) == expected
    assert next(accidents, "used up") == "used up"
