"""Ids that name nothing: in the shape of an example, and never the example itself."""

import re

import pytest

from conformance import contracts, unknown_ids

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ULID = "word_01HZX4T8K2QJ9M3V5N7P1R6S0W"


@pytest.mark.parametrize(
    ("example", "shape"),
    [
        (UUID, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        (UUID.upper(), r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"),
        ("po_" + UUID.replace("-", ""), r"po_[0-9a-f]{32}"),
        (ULID, r"word_01HZX4T8K2[0-9A-HJKMNP-TV-Z]{16}"),
        ("po_1MtKsoFnaPQ3xX2k", r"po_1MtK[0-9A-Za-z]{12}"),
        ("4711", r"2147483647"),
        ("175928847299117063", r"9{18}"),
        ("wd-7", r"wd-2147483647"),
    ],
)
def test_an_unknown_id_has_the_shape_of_the_example(example: str, shape: str) -> None:
    """Prefix, alphabet and length are those of the example; short ids become the last ones of their kind."""
    found = unknown_ids.like(example)

    assert re.fullmatch(shape, found), found
    assert found != example


def test_random_ids_differ_each_time() -> None:
    """An id that was made up once may have been looked up, and a target may remember that."""
    assert len({unknown_ids.like(ULID) for _ in range(20)}) == 20


def test_an_id_is_made_without_an_example() -> None:
    """In a form that many APIs have."""
    assert re.fullmatch(r"word_01HZX[0-9A-Z]{21}", unknown_ids.like(None))


@pytest.mark.parametrize("example", ["4711", "123456789012345", "wd-7", "a-b-c", "PO1234"])
def test_no_id_is_sure_where_ids_are_short(example: str) -> None:
    """A short unknown id may exist, so that no request that could change it is sent."""
    assert unknown_ids.sure_like(example) is None
    assert not unknown_ids.is_sparse(example)


@pytest.mark.parametrize("example", [UUID, ULID, "1234567890123456", "wd-a1b2c3d4"])
def test_an_id_is_sure_where_ids_are_long(example: str) -> None:
    """A long random id is unknown: it can't be hit by chance."""
    found = unknown_ids.sure_like(example)

    assert found is not None
    assert found != example


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_both_contracts_make_ids_that_name_nothing(api: str) -> None:
    """A contract tells whether its id is sure to look like the target's own."""
    made = contracts.contract(api).unknown_id

    assert made(UUID)[0] != UUID
    assert made(UUID)[1]
    assert made("7")[1] is (api == "withdraws")
