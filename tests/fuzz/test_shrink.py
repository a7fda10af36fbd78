"""Failing cases: made small, kept, and the same after a round trip."""

import base64
import json

import pytest

from conformance.fuzz.case import Case, Example, Mutation
from conformance.fuzz.execute.reductions import simpler, weight
from conformance.fuzz.generate.stream import stream
from tests.fuzz.support import apis, fuzz
from tests.support import CREDENTIAL_ENV

JSON = (("Content-Type", "application/json"),)


def cancel(body, mutation, **more):
    value = more.pop("value", json.loads(body))
    return Case(
        "cancelPayoutIntent",
        "fuzzing",
        "POST",
        mutation,
        headers=JSON,
        body=body,
        value=value,
        key="fresh",
        **more,
    )


@apis
def test_a_case_is_the_same_after_a_round_trip(api):
    for case in stream(api, 5, 30):
        example = Example(case, "paid", 2)
        back = Example.from_json(json.loads(json.dumps(example.to_json())))
        assert (back.state, back.turn) == ("paid", 2)
        again = back.case
        for name in (
            "operation",
            "phase",
            "method",
            "mutation",
            "segment",
            "headers",
            "body",
            "key",
            "omitted",
            "altered",
        ):
            assert getattr(again, name) == getattr(case, name), name


@apis
def test_every_simpler_request_is_simpler_and_tries_the_same(api):
    for case in stream(api, 2, 20):
        for one in simpler(case):
            assert weight(one) < weight(case)
            assert (one.mutation, one.operation, one.method) == (case.mutation, case.operation, case.method)


def test_a_long_way_down_ends():
    case = cancel(b'{"a": [1, 2, {"b": "c"}], "reason": {"x": "\\u00e9\\u00e9\\u00e9"}}', Mutation.FIELD_TYPE)
    steps = 0
    while (one := next(simpler(case), None)) is not None:
        case, steps = one, steps + 1
    assert steps < 40
    assert case.value == {"reason": {}}


@pytest.mark.parametrize(
    ("defect", "check", "smallest"),
    [
        (
            "pi-odd-reason-is-kept",
            "cancel_payout_intent.reason.other_type",
            lambda p: len(p["body"]["text"]) < 16,
        ),
        (
            "pi-reason-is-escaped",
            "cancel_payout_intent.reason.free_text",
            lambda p: len(p["body"]["text"]) < 22,
        ),
        ("wd-malformed-id-is-500", "cancel_withdraw.crash.path", lambda p: len(p["segment"]) <= 2),
        (
            "wd-signature-is-not-verified",
            "cancel_withdraw.auth.wrong_signature",
            lambda p: len(p["altered"]) == 1,
        ),
        ("wd-paid-is-cancelled", "cancel_withdraw.status.paid", lambda p: "body" not in p),
    ],
)
def test_what_is_shown_is_the_smallest_and_was_seen_twice(defect, check, smallest, bendable, tmp_path):
    bendable.bend(defect)
    api = "withdraws" if defect.startswith("wd") else "payout-intents"
    found = fuzz(tmp_path, api, bendable.url, examples=12)
    bendable.bend()
    first = found.statistics["failing"][f"fuzz::{check}"][0]
    assert first["again"] is True
    assert smallest(first["case"]["probe"])
    assert first["seen"] == sum(first["statuses"].values())
    (line,) = [line for line in found.lines if line["check"]["id"] == f"fuzz::{check}"]
    shown = line["exchanges"][line["check"]["problem"]["exchange"]]
    sent = first["case"]["probe"].get("body", {}).get("text", "")
    assert (
        sent in json.dumps(shown) or sent.replace('"', '\\"') in json.dumps(shown) or sent in decoded(shown)
    )
    assert first["curl"].count("curl ") == 1
    assert found.statistics["shrinking"] <= 40 * len(found.statistics["failing"])
    assert found.statistics["confirming"] + found.statistics["shrinking"] > 0
    assert not [name for name, value in CREDENTIAL_ENV.items() if value in json.dumps(found.statistics)]


def decoded(exchange):
    body = exchange.get("request_body")
    return (
        base64.b64decode(body["base64"]).decode("latin-1")
        if isinstance(body, dict) and "base64" in body
        else str(body)
    )
