"""A text that was parsed as JSON and written anew is told from one that was changed otherwise."""

import pytest

from conformance.oracles import written_json


@pytest.mark.parametrize(
    ("sent", "came", "says"),
    [
        (
            '{"Reason":  [1, 2.50]}',
            '{"Reason": [1, 2.5]}',
            "`2.50` came back as `2.5`, and white space between its values changed",
        ),
        ('{"Reason": 2.50}', '{"Reason": 2.5}', "`2.50` came back as `2.5`"),
        ("[1,  2]", "[1, 2]", "white space between its values changed"),
        ('{"b": 1, "a": 2}', '{"a": 2, "b": 1}', "its keys came back in another order"),
        ('{"a": 1, "a": 2}', '{"a": 2}', "16 characters came back as 8"),
        ('["\\u0041"]', '["A"]', '`"\\u0041"` came back as `"A"`'),
    ],
)
def test_what_was_written_otherwise_is_named(sent: str, came: str, says: str) -> None:
    """A number, white space, the order of keys: what tells where to look."""
    assert written_json.is_written_anew(sent, came)
    assert written_json.difference(sent, came) == says


@pytest.mark.parametrize(
    ("sent", "came"),
    [("[1]", "[1]"), ("[1]", "[2]"), ("[1]", "[true]"), ("[1", "[ 1"), ("a  b", "a b"), ("[" * 9999, "[")],
)
def test_anything_else_is_not_the_same_json(sent: str, came: str) -> None:
    """Neither an unchanged text nor another value, nor what is no JSON."""
    assert not written_json.is_written_anew(sent, came)
