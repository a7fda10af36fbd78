"""The words of a failure: values as JSON has them, and where two texts begin to differ."""

from dataclasses import replace
from typing import Any

import pytest

from conformance.http.reply import MISSING
from conformance.oracles import wording
from tests.http.test_reply import reply


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (MISSING, "absent"),
        (None, "null"),
        (False, "false"),
        (12.5, "12.5"),
        ("Größe", '"Größe"'),
        ('a "b"', '"a \\"b\\""'),
        ("a\u200db\ud83d", '"a\\u200db\\ud83d"'),
        ("x" * 512, '"' + "x" * 60 + '…" (512 characters)'),
        ({"a": [None, "é"]}, '{"a": [null, "é"]}'),
        (float("inf"), "Infinity"),
    ],
)
def test_a_value_is_written_as_json_has_it(value: Any, said: str) -> None:
    """Real characters but for those that nobody sees, and a long one by its length."""
    assert wording.value(value) == said


@pytest.mark.parametrize(
    ("came", "said"),
    [
        ("Say ", "cut after 4 of 16 characters"),
        ("", "empty"),
        ("Say &quot;no&quot; & go on", 'from character 5 on, `"` came back as `&quot;`'),
        ('Say "no" &amp; go on', "from character 10 on, `&` came back as `&amp;`"),
        ('Say "no" & go on, twice', 'followed by ", twice"'),
        ('Say "no"  go on', "from character 10 on, `&` was lost"),
        ('SAY "NO" & GO ON', 'from character 2 on, `ay "no" & go on` came back as `AY "NO" & GO ON`'),
        ("Say &quot;no&quot; &amp; go on", 'from character 5 on, `"` came back as `&quot;`'),
        ("Nothing of it", 'from character 1 on, `Say "no" & go on` came back as `Nothing of it`'),
    ],
)
def test_the_place_where_texts_begin_to_differ_is_told(came: str, said: str) -> None:
    """Just the characters that were changed, where the rest goes on alike."""
    assert wording.difference('Say "no" & go on', came) == said


def test_a_field_name_begins_no_title_in_capitals() -> None:
    """A field name at the beginning of a title keeps its letter case."""
    assert wording.capital("a cancel") == "A cancel"
    assert wording.capital("failure_message was null") == "failure_message was null"


def test_a_value_is_cut_after_the_secrets_are_out() -> None:
    """A long value is cut after its secrets are redacted, so that no part of one is left."""
    secret = b'{"a": "' + b"x" * 55 + b'the-secret-of-somebody and more that is long"}'
    answer = reply(secret)
    clean = secret.replace(b"the-secret-of-somebody", b"[redacted:a]")
    answer = replace(answer, exchange=replace(answer.exchange, response_body=clean))

    assert "the-s" not in wording.of(answer, "a")
    assert "[reda" in wording.of(answer, "a")


def test_an_entity_that_was_escaped_once_more_is_told_from_its_beginning() -> None:
    """The first difference stands behind what both have."""
    said = wording.difference("Fish &lt;b&gt;", "Fish &amp;lt;b&amp;gt;")

    assert said == "from character 6 on, `&` came back as `&amp;`"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": {"b": 1}}', "a.b was the number 1 in the 202"),
        (b'{"a": {}}', "a.b was missing from the 202"),
        (b'{"a": "x"}', 'a was "x" in the 202'),
        (b"{}", "a was missing from the 202"),
        (b"[]", "The 202 was answered 200"),
    ],
)
def test_what_stands_in_the_place_of_an_object_is_told(body: bytes, said: str) -> None:
    """A field can't be missing from what is no object."""
    assert wording.was(reply(body), "a.b", "the 202") == said
