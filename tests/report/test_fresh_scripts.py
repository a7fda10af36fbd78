"""Scripts that work when they are pasted again, and show the good request beside the bad one."""

import json
from dataclasses import replace

import pytest

from conformance.model import Auth, Exchange, Problem, RunRecord
from conformance.report import bent, explain, labelled_rows, script, sent_bodies
from conformance.report.passing_cases import NOTHING_VERIFIED

from . import sample
from .test_curl import INTENTS
from .test_script import KEY, OTHER, failing, whole

URL = "https://a.test/payout_intents"
PAIR = ("Authorization", "Basic [redacted:primary.public_key:primary.secret_key]")


def cancel(key: str) -> Exchange:
    """A cancel of an intent under a key."""
    return sample.exchange(
        url=f"{URL}/{OTHER}/cancel", request_headers=(PAIR, ("Idempotency-Key", key)), signed=None
    )


def of(*sent: Exchange) -> str:
    """The script for these requests about one intent."""
    run, _ = failing(list(sent), INTENTS, resources=((OTHER, "requires_approval"),))
    return whole(run)


def test_a_key_that_is_no_uuid_is_another_one_each_time() -> None:
    """The random part of such keys is made anew, and is the same in all of them: one that was used is no new one."""
    made = of(
        cancel("order-cancel-07a74cee6c3240cb8dbdc7de-z"), cancel("ordercancel07a74cee6c3240cb8dbdc7dez")
    )
    assert "TAG=$(uuid | tr -d - | cut -c1-24)" in made
    assert '"Idempotency-Key: order-cancel-${TAG}-z"' in made
    assert '"Idempotency-Key: ordercancel${TAG}z"' in made
    assert "07a74cee" not in made


def test_a_key_of_digits_stays_one() -> None:
    """It doesn't begin with a zero, which may be what the other key has before it."""
    made = of(cancel("12345678901234567890"), cancel("0012345678901234567890"))
    assert "TAG=1$(uuid | tr -d - | tr a-f 0-5 | cut -c2-20)" in made
    assert '"Idempotency-Key: 00${TAG}"' in made


@pytest.mark.parametrize(
    ("said", "pair"),
    [
        ("a read with a colon before the secret", ("${{}}", ":${{}}")),
        ("a read with a colon and more behind the secret", ("${{}}", "${{}}:more")),
        ("a read with a blank before the key", (" ${{}}", "${{}}")),
        ("a cancel with an unknown key and no secret", ("nobody-has-this-key", "")),
        ("a cancel with an unknown key, and its own name for a secret", ("nobody", "nobody")),
        ("a cancel with another merchant's secret", None),
    ],
)
def test_credentials_that_are_nearly_right_are_made_again(said: str, pair: tuple[str, str] | None) -> None:
    """The words say how they differed; what they don't say isn't made up."""
    assert bent.pair(said) == pair


def test_a_header_that_was_sent_twice_is_sent_twice() -> None:
    """The second timestamp is that of now again: the first alone would show something else."""
    headers = (
        ("X-API-Key", "[redacted:primary.api_key]"),
        ("X-Timestamp", "1772280000000"),
        ("X-Signature", "sha256=[redacted:signature]"),
        ("X-Timestamp", "1772366400000"),
    )
    sent = sample.exchange(request_headers=headers, auth=Auth.ALTERED, started_at="2026-03-01T12:00:00Z")
    made = whole(failing([sent], resources=((sample.WITHDRAW, "pending"),))[0])
    assert "TS=$(($(date +%s) - 86400))000" in made
    assert made.count("X-Timestamp") == 2
    assert '-H "X-Timestamp: $(date +%s)000"' in made


def test_the_answer_that_was_to_be_expected_is_asked_for_too() -> None:
    """Where two requests are compared, both are steps, without what else was sent to the resource."""
    body = json.dumps({"error": {"code": "not_found", "message": "There is no such intent."}}).encode()
    unknown = replace(cancel("a"), url=f"{URL}/unknown/cancel", status=404, response_body=body)
    problem = Problem(f"the answer for an unknown id: 404 {body.decode()}", "401 {}", exchange=1)
    sent = [
        cancel("x"),
        replace(cancel("b"), status=401, response_body=b"{}"),
        replace(unknown, started_at="2026-03-01T12:00:05Z"),
    ]
    run, check = failing(sent, INTENTS, resources=((OTHER, "requires_approval"),), problem=problem)
    (finding,) = explain.problems(run)
    about = labelled_rows.told(run, finding)
    assert finding.steps == (1, 2)
    assert about.steps[0].endswith("401 <- shows it")
    assert "404" in about.steps[1]
    assert check.shown_by == 1


def trusted(*, read_first: bool) -> tuple[RunRecord, str]:
    """A run with an unsigned cancel that was accepted, and its script."""
    read = sample.exchange(method="GET", url="https://a.test/api/v1/withdraws/" + sample.WITHDRAW)
    bad = sample.exchange(
        url=f"https://a.test/api/v1/withdraws/{sample.WITHDRAW}/cancel",
        auth=Auth.ALTERED,
        request_headers=(),
        signed=None,
    )
    sent = [read, bad] if read_first else [bad]
    run, check = failing(sent, resources=((sample.WITHDRAW, "pending"),))
    return run, script.after_a_good_one(run, check, (len(sent) - 1,))


def test_a_caller_that_may_be_trusted_sends_a_good_request_first() -> None:
    """On the same connection, with a signature of its own; without a good one on record there is no such script."""
    _, made = trusted(read_first=True)
    assert made.count("curl -sS") == 1
    assert " --next -sS" in made.replace("\\\n ", "")
    assert 'SIG0=$(sign "$TS0"' in made
    assert trusted(read_first=False)[1] == ""


def test_what_such_a_script_does_is_said() -> None:
    """Beside what takes the place of the resource."""
    run, made = trusted(read_first=True)
    finding = replace(explain.problems(run)[0], steps=(1,), remarks=(NOTHING_VERIFIED,), script=made)
    assert labelled_rows.told(run, finding).usage.endswith("on the same connection (--next)")


def test_another_merchants_secret_signs_a_forgery_that_was_made_with_it() -> None:
    """Its variable is the profile's; any other wrong secret would be refused where this one is accepted."""
    headers = (*sample.exchange().request_headers[:2], ("X-Signature", "[redacted]"))
    fault = "A cancel signed with another merchant's secret was accepted (200)"
    sent = sample.exchange(auth=Auth.ALTERED, request_headers=headers)
    run, check = failing([sent], problem=Problem("a 4xx", "200", exchange=0, fault=fault))
    made = script.script(run, check, (0,))
    assert "not-" not in made
    assert "$ACME_OTHER_SECRET" in made


def test_an_id_inside_a_segment_or_a_header_is_an_argument() -> None:
    """That of the check, and one that only the answer shows; what is no id at all is sent as it is."""
    other = "660e8400-e29b-41d4-a716-446655440009"
    base = "https://a.test/api/v1/withdraws"
    headers = (*sample.exchange().request_headers[:3], ("X-Id", other))
    named = sample.exchange(
        url=f"{base}/x%2f..%2f{sample.WITHDRAW}/cancel",
        request_headers=headers,
        response_body=json.dumps({"data": {"id": other}}).encode(),
    )
    run, check = failing([named], resources=((sample.WITHDRAW, "pending"),))
    made = script.script(run, check, (0,))
    assert "/x%2f..%2f${ID1}/cancel" in made
    assert '-H "X-Id: ${ID2}"' in made
    run, check = failing([sample.exchange(url=f"{base}/%00/cancel")])
    assert "/%00/cancel'" in script.script(run, check, (0,))


def test_of_a_body_with_many_fields_those_are_shown_that_the_problem_names() -> None:
    """In the order in which it names them; the others are counted."""
    body = json.dumps({"first": 1, "reason": "r" * 90, "a": 1, "b": 2, "failure_message": "x"}).encode()
    assert sent_bodies.in_words(body, "failure_message in the body, beside the reason") == (
        '{"failure_message": "x", "reason": 90 letters, … and 3 more fields}'
    )
    assert sent_bodies.in_words(body) == f"of {len(body)} characters of JSON"


def test_refusals_of_other_forms_and_what_came_before_a_read_are_no_steps() -> None:
    """Neither led to what decides; where the problem is about what came before, they stay."""
    refusals = [
        replace(cancel(key), status=400, request_body=body, response_body=b"{}")
        for key, body in (("a", b"[]"), ("b", b"<x/>"))
    ]
    about = {"resources": ((OTHER, "requires_approval"),)}
    run, check = failing(refusals, INTENTS, **about)
    assert explain.problems(run)[0].steps == (1,)
    later = Problem("a 4xx after a refused one", "200", exchange=1)
    run, check = failing(refusals, INTENTS, problem=later, **about)
    assert explain.problems(run)[0].steps == (0, 1)
    reads = [
        sample.exchange(method="GET", url=f"{URL}/{OTHER}", request_headers=(PAIR,), signed=None, auth=auth)
        for auth in (Auth.DOCUMENTED, Auth.ALTERED)
    ]
    run, check = failing(reads, INTENTS, **about)
    assert explain.problems(run)[0].steps == (1,)
    assert check.shown_by == 1


def test_a_crowd_of_equal_requests_behind_another_is_a_loop_that_prints_statuses() -> None:
    """Which of them was answered how is chance; what came before them is a step of its own."""
    at_once = [
        replace(cancel(KEY), started_at="2026-03-01T12:00:05.100000Z", duration_s=1.0) for _ in range(4)
    ]
    made = of(replace(cancel(KEY), started_at="2026-03-01T12:00:00.000000Z"), *at_once)
    assert "for n in 2 3 4 5; do" in made
    assert made.count("curl -sS -i ") == 1
    assert made.count("curl -sS -o /dev/null -w '%{http_code}\\n' ") == 1
