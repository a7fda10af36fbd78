"""Answers that are quoted cut off: the field that decides is shown, wherever it stands."""

import json
from typing import Any

from conformance.report.quotes import with_fields

from . import sample

LONG: dict[str, Any] = {
    "object": "x",
    "id": "1" * 30,
    "note": "n" * 300,
    "failure_code": None,
    "status": "open",
}


def quoted(answer: dict[str, Any], before: str = "", about: str = "", named: tuple[str, ...] = ()) -> str:
    """An observation that quotes the beginning of an answer, as it is shown."""
    body = json.dumps(answer)
    said = f"{before}(the answer was 200 {body[:200]}...)"
    return with_fields(said, [sample.exchange(status=200, response_body=body.encode())], about, named)


def test_the_field_that_decides_stands_before_the_cut_body() -> None:
    """It is shown with its JSON value, where the problem names it: by its path, or by a name that is no plain word."""
    assert "(the answer was 200 with failure_code null: {" in quoted(
        LONG, about="failure_code was lost in GET"
    )
    assert '200 with status "open": {' in quoted(LONG, named=("status",))
    assert 'with data.status "open": {' in quoted({"data": LONG}, about="data.status was wrong")


def test_what_is_shown_or_told_already_is_not_told_again() -> None:
    """Neither a field that stands before the cut, nor one whose value the observation tells, nor plain words."""
    assert " with " not in quoted(LONG, about="the object and the id of it")
    assert " with " not in quoted(LONG, "failure_code is null ", about="failure_code was lost")
    assert " with " not in quoted(LONG, about="object", named=("id",))


def test_what_cannot_be_found_stays_as_it_is() -> None:
    """An answer that isn't on record, a whole body and a page are left as they are quoted."""
    said = '200 {"a": 1}; 404 <html>...; 500 {"b": "' + "x" * 190 + "..."
    assert with_fields(said, [sample.exchange(response_body=b"[")], "b", ("b",)) == said
