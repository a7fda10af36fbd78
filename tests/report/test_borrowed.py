"""Values of a recorded resource in a command are told: a fresh resource has others."""

import json

from conformance.report import labelled_rows, steps
from conformance.report.borrowed import borrowed_values

from . import sample
from .test_script import failing

ID = "660e8400-e29b-41d4-a716-446655440001"


def test_a_value_of_a_resource_that_is_sent_is_told_to_be_its_own() -> None:
    """A reference in a body is that of the recorded resource; a word that many have is nobody's."""
    url = f"https://a.test/api/v1/withdraws/{ID}"
    shown = {"id": ID, "status": "pending", "reference": "ref-0001-ab", "country": "Somewhere", "code": "7"}
    read = sample.exchange(method="GET", url=url, response_body=json.dumps({"data": shown}).encode())
    body = json.dumps({"by": "ref-0001-ab", "country": "Somewhere", "code": "7", "id": ID}).encode()
    run, check = failing(
        [read, sample.exchange(url=f"{url}/cancel", request_body=body)], resources=((ID, "pending"),)
    )
    found = steps.steps(run, check, (0, 1))
    told = [(one.field, one.value, one.name) for one in borrowed_values(run, found)]
    assert told == [("reference", "ref-0001-ab", "ID")]
    assert labelled_rows.usage(run, found).endswith(
        "; put the reference of the fresh ID in place of ref-0001-ab"
    )


def test_a_resource_that_no_answer_showed_lends_nothing() -> None:
    """Refusals, pages and answers about others have no values of it."""
    url = f"https://a.test/api/v1/withdraws/{ID}"
    sent = [
        sample.exchange(method="GET", url=url, status=404, response_body=b'{"data": {"id": "x"}}'),
        sample.exchange(method="GET", url=url, response_body=f'"{ID}" ref-0001-ab'.encode()),
        sample.exchange(url=f"{url}/cancel", request_body=b'{"by": "ref-0001-ab"}'),
    ]
    run, check = failing(sent, resources=((ID, "pending"),))
    assert borrowed_values(run, steps.steps(run, check, (0, 1, 2))) == ()
