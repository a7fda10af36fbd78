"""The stream of requests: the same for a seed, and every kind in it."""

import pytest

from conformance import openapi
from conformance.fuzz.probes import Aim
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
        ("withdraws", {Aim.DOCUMENTED, Aim.PATH, Aim.METHOD, Aim.MISSING, Aim.WRONG}),
        ("payout-intents", set(Aim)),
    ],
)
def test_every_kind_is_tried(api, aims):
    probes = list(stream(api, Order(40, 1)))
    assert {probe.aim for probe in probes} == aims
    methods = {probe.method for probe in probes if probe.aim is Aim.METHOD}
    assert {"DELETE", "PUT", "PATCH", "TRACE"} <= methods
    missing = {name for probe in probes if probe.aim is Aim.MISSING for name in probe.omitted}
    assert missing == {name for one in openapi.operations(api) for name in one.credentials}


def test_a_generated_id_never_goes_with_a_resource():
    for api in ("withdraws", "payout-intents"):
        for probe in stream(api, Order(20, 3)):
            assert (probe.segment is not None) == (probe.aim is Aim.PATH)


def test_batches_differ():
    probes = list(stream("payout-intents", Order(130, 1)))
    assert (
        len({(probe.body, probe.segment, probe.headers) for probe in probes if probe.phase == "fuzzing"}) > 60
    )
