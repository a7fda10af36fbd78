"""A failing case of a run, sent again: on a fresh resource, to a target that still fails and to one that doesn't."""

import json
from pathlib import Path

import pytest

from conformance import profile_copy
from conformance.cli import main
from conformance.errors import RecordError, UsageError
from conformance.fuzz.replay import Kept, failing, replay
from conformance.profile import load
from tests.fuzz.support import fuzz, profile_for
from tests.support import CREDENTIAL_ENV, command, reply_with, serving

CHECK = "fuzz::cancel_payout_intent.reason.other_type"


@pytest.fixture
def failed(bendable, tmp_path):
    """The folder of a run that was killed before it had a record, its target as bad as it was."""
    bendable.bend("pi-odd-reason-is-kept")
    found = fuzz(tmp_path, "payout-intents", bendable.url, examples=8)
    profile_copy.keep(found.folder, tmp_path / "payout-intents.toml")
    assert CHECK in found.statistics["failing"]
    yield found.folder
    bendable.bend()


def test_it_says_whether_it_still_fails(failed, bendable, monkeypatch):
    still = command("replay", failed, "other_type", cwd=failed)
    assert still.returncode == 1, still.stderr
    assert still.stdout.startswith(
        f"A replay of Acme, {CHECK}: the requests of the run, sent anew.\nstill fails  "
    )
    for word in (
        "title     A cancel of",
        "expected",
        "before",
        "observed",
        "sent      1. a cancel of",
        "curl -sS",
        "$",
    ):
        assert word in still.stdout
    assert not [name for name, value in CREDENTIAL_ENV.items() if value in still.stdout + still.stderr]
    bendable.bend()
    (mended,) = replay(loaded(failed), failing(failed, CHECK))
    assert (mended.fails, mended.observed[:3]) == (False, "400")


def test_it_takes_a_fresh_resource_each_time(failed):
    kept = failing(failed, CHECK)
    first, second = replay(loaded(failed), kept)[0], replay(loaded(failed), kept)[0]
    assert first.fails
    assert second.fails
    assert first.curl != second.curl


def test_a_state_that_is_not_to_be_had_is_no_verdict(failed, tmp_path):
    (kept,) = failing(failed, CHECK)
    other = Kept(kept.check, kept.cause, kept.expected, kept.observed, {**kept.example, "state": "nonsense"})
    (result,) = replay(loaded(failed), [other])
    assert result.fails is None
    assert "nonsense" in result.why


def test_a_walk_is_taken_again(bendable, tmp_path):
    bendable.bend()
    sequence = {"api": "withdraws", "start": ["pending"], "steps": [{"verb": "cancel"}, {"verb": "cancel"}]}
    kept = Kept("fuzz::cancel_withdraw.status.canceled", "200", "a refusal", "200", sequence)
    profile = load(profile_for(tmp_path, "withdraws", bendable.url), CREDENTIAL_ENV)
    (honest,) = replay(profile, [kept])
    assert honest.fails is False
    assert honest.observed.startswith("400")


def test_no_answer_is_no_verdict_and_shows_no_secret(tmp_path):
    def cut(peer, request):
        if b"/_states" in request:
            peer.sendall(reply_with(b'{"id": "word_01HZXAAAAAAAAAAAAAAAAAAAAA"}'))

    example = {"state": "paid", "turn": 0, "probe": {
        "operation": "cancelPayoutIntent", "phase": "documented", "method": "POST", "aim": "documented",
        "headers": [["Content-Type", "application/json"]], "body": {"text": "{}"}, "key": "fresh"}}  # fmt: skip
    with serving(cut) as server:
        profile = profile_for(
            tmp_path,
            "payout-intents",
            server.url,
            states=f'url = "{server.url}/_states"\nterminal = ["paid"]',
        )
        (result,) = replay(load(profile, CREDENTIAL_ENV), [Kept(CHECK, "x", "y", "z", example)])
    assert (result.fails, result.unreachable) == (None, True)
    assert not [name for name, value in CREDENTIAL_ENV.items() if value in repr(result)]


@pytest.mark.parametrize(
    ("wanted", "said", "hint"),
    [
        ("nothing like it", "is no check of", CHECK),
        ("reason.plain", "didn't fail", CHECK),
        ("matrix", "hand-written", "-k test_matrix"),
        ("fuzz::", "part of 2", "more of the id"),
        ("too_long", "too long", "seed, 5"),
    ],
)
def test_it_says_what_to_do_where_there_is_nothing_to_send(wanted, said, hint, tmp_path):
    example = {"cause": "x", "expected": "", "observed": "", "case": None}
    failing_cases = {
        CHECK: [{**example, "case": {}}],
        "fuzz::cancel_payout_intent.reason.too_long": [example],
    }
    checks = [{"id": "suites/test_cancellation.py::test_matrix[paid]", "outcome": "failed"}]
    (tmp_path / "run.json").write_text(
        json.dumps({"fuzz": {"failing": failing_cases, "seed": 5}, "checks": checks})
    )
    with pytest.raises(UsageError) as fault:
        failing(tmp_path, wanted)
    assert said in fault.value.message
    assert hint in f"{fault.value.message} {fault.value.hint}"


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_no_run_is_said_to_be_none(text, tmp_path):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(RecordError):
        failing(tmp_path, CHECK)


def test_an_edited_case_is_refused(failed):
    with pytest.raises(RecordError, match="can't be read"):
        replay(loaded(failed), [Kept(CHECK, "x", "", "", {"probe": {"operation": 1}, "state": None})])


def test_the_command_is_there():
    assert "replay" in main.commands


def loaded(folder: Path):
    return load(profile_copy.profile_path(folder), CREDENTIAL_ENV)


def test_the_steps_of_a_sequence_are_performed_and_listed(bendable, tmp_path):
    """A replay lists the steps with their answers and the deciding one; one that breaks another rule is not judged."""
    steps = [{"verb": "cancel"}, {"verb": "cancel", "by": "other_merchant"}, {"verb": "cancel"}]
    sequence = {"api": "withdraws", "start": ["pending"], "steps": steps}
    profile = load(profile_for(tmp_path, "withdraws", bendable.url), CREDENTIAL_ENV)
    kept = Kept("fuzz::cancel_withdraw.walk.again", "200", "400", "200", sequence)
    bendable.bend("wd-strangers-attempt-reopens-it")
    (again,) = replay(profile, [kept])
    bendable.bend("wd-pending-is-refused")
    (other,) = replay(profile, [kept])
    bendable.bend()
    (mended,) = replay(profile, [kept])
    assert (again.fails, other.fails, mended.fails) == (True, None, False)
    assert again.steps == (
        "a cancel of a pending withdraw: 200",
        "a cancel of another merchant's pending withdraw: 404",
        "a second cancel of the withdraw: 200",
    )
    assert again.fault.startswith("A second cancel of a pending withdraw was accepted (200), after a cancel")
    assert "another rule was broken before: A cancel of a pending withdraw was answered 400" in other.why
    assert other.steps == ("a cancel of a pending withdraw: 400",)
    assert [step.rpartition(": ")[2] for step in mended.steps] == ["200", "404", "400"]


def test_headers_of_no_meaning_still_fail_under_their_own_check(bendable, tmp_path):
    """The check of further headers is about whatever rule a request with them breaks."""
    headers = [["X-Request-Id", "req_" + "0123456789abcdef" * 8]]
    sequence = {"api": "withdraws", "start": ["pending"], "steps": [{"verb": "cancel", "headers": headers}]}
    profile = load(profile_for(tmp_path, "withdraws", bendable.url), CREDENTIAL_ENV)
    bendable.bend("wd-long-request-id-is-500")
    (again,) = replay(profile, [Kept("fuzz::cancel_withdraw.walk.headers", "500", "", "", sequence)])
    bendable.bend()
    assert again.fails
    assert "with X-Request-Id: 132 characters" in again.fault
