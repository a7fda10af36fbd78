"""Fuzzing blames no target for others' faults: silence, chance, a state source, an old key, a live environment."""

import base64
import threading
from pathlib import Path

import pytest

from conformance import fuzz as package
from conformance.fuzz.execute import resource_pool, scheduler, unanswered
from conformance.fuzz.execute.sequence_steps import family
from conformance.fuzz.stateful.model import Subject
from conformance.fuzz.stateful.sequence import Step
from conformance.fuzz.stateful.state_machine import blamed
from conformance.profile import load
from conformance.runner.fuzz_process import Fuzzing
from conformance.runner.options import Options
from conformance.suites.payout_intents import state_machine
from conformance.suites.payout_intents.intent_state import WITHOUT_EFFECT
from conformance.suites.payout_intents.state_machine import IntentModel
from tests.fuzz.rewriting import Change, rewriting
from tests.fuzz.support import fuzz, profile_for
from tests.fuzz.test_honest import requirements_of, states_of
from tests.fuzz.test_oracle import INTENT, refusal, reply
from tests.support import CREDENTIAL_ENV

BODY = {"id": INTENT, "status": "cancelled", "failure_code": "cancelled", "failure_message": "first"}


def test_input_that_is_never_answered_is_a_warning_and_waited_for_in_bounds(bendable, tmp_path, monkeypatch):
    """Silence on odd ids costs some requests, not one for each id; what wasn't sent is told."""
    # After so many seconds of waiting: here each is over at once, so that nothing hangs on how fast a machine is.
    monkeypatch.setattr(unanswered, "_ENOUGH_S", 0.0)

    def hang(number, method, target, headers):
        return (0, {}, b"") if "%" in target else None

    bendable.bend()
    with rewriting(bendable.url, Change(answer=hang)) as front:
        found = fuzz(
            tmp_path, "withdraws", front.url, examples=40, states=states_of(bendable.url, "withdraws")
        )
    assert requirements_of(found) == {
        "warned": {"WD-14"},
        "failed": set(),
        "error": set(),
        "not_testable": set(),
    }
    assert (
        "documented requests in between were answered"
        in found.checks["cancel_withdraw.crash.path"]["message"]
    )
    assert found.statistics["skipped"]["path"] > 0
    assert found.statistics["transport_errors"]["reset (path)"] < 30
    assert any("weren't sent" in note for note in found.statistics["notes"])


def test_what_is_seen_once_and_not_again_fails_nothing(bendable, tmp_path, monkeypatch):
    """A refusal that a new resource doesn't get is told in the notes, and no check fails for it."""
    monkeypatch.setattr(resource_pool, "_FRESH_S", 60.0)  # however slow the machine is
    monkeypatch.setattr(
        scheduler, "_PATIENT", 0
    )  # the first cancel of a resource is the first request for it
    seen: list[str] = []
    lock = threading.Lock()

    def one_refusal(number, method, target, headers):
        with lock:
            first = method == "POST" and target.endswith("/cancel") and not seen
            seen.extend([target] if first else [])
        text = (
            b'{"success": false, "error": {"code": "VALIDATION_ERROR", "message": "locked by a batch job"}}'
        )
        return (400, {"Content-Type": "application/json"}, text) if first else None

    bendable.bend()
    with rewriting(bendable.url, Change(answer=one_refusal)) as front:
        found = fuzz(
            tmp_path,
            "withdraws",
            front.url,
            examples=8,
            limits="concurrency = 1",
            states=states_of(bendable.url, "withdraws"),
        )
    assert requirements_of(found)["failed"] == set()
    (one,) = found.statistics["unconfirmed"]
    assert one["check"] == "fuzz::cancel_withdraw.status.pending"
    assert "not again on 1 new resource" in one["why"]
    assert any("status.pending is not counted" in note for note in found.statistics["notes"])


@pytest.mark.parametrize(
    ("api", "asked", "given"),
    [
        ("withdraws", "pending", "canceled"),
        ("withdraws", "paid", "pending"),
        ("payout-intents", "requires_approval", "cancelled"),
        ("payout-intents", "paid", "requires_approval"),
        ("payout-intents", "processing", "cancelled"),
    ],
)
def test_a_source_that_hands_out_another_state_is_not_the_target(api, asked, given, bendable, tmp_path):
    """No check fails; the statistics name the state that isn't to be had, and what was handed out."""

    def lie(value):
        params = value.get("params", {}) if isinstance(value, dict) else {}
        if params.get("status") != asked:
            return value
        return {**value, "params": {**params, "status": given}}

    bendable.bend()
    with rewriting(bendable.url, Change(sent=lie)) as source:
        found = fuzz(tmp_path, api, bendable.url, examples=8, states=states_of(source.url, api))
    assert requirements_of(found)["failed"] == set()
    assert given in found.statistics["missing_states"][asked]


def test_ids_of_nothing_are_not_the_targets_fault(bendable, tmp_path):
    """A source whose ids name nothing leaves the states missing, and no check fails."""
    bendable.bend()
    states = 'command = ["python3", "-c", "import uuid; print(uuid.uuid4())"]\nread_path = "/api/v1/withdraws/{id}"'
    found = fuzz(tmp_path, "withdraws", bendable.url, examples=6, states=states)
    assert requirements_of(found)["failed"] == set()
    assert found.statistics["missing_states"].keys() >= {"pending", "paid"}


def test_live_credentials_send_reads_and_nothing_else(bendable, tmp_path):
    """Beside a test environment, a pair of the live one is used for reads alone, and its intents are left alone."""
    sent: list[tuple[str, str]] = []

    def note(number, method, target, headers):
        sent.append((method, headers.get("Authorization") or ""))
        return

    bendable.bend()
    path = profile_for(
        tmp_path, "payout-intents", bendable.url, states=states_of(bendable.url, "payout-intents")
    )
    head, table, rest = path.read_text().partition("[credentials.other_environment]")
    path.write_text(head + table + rest.replace('environment = "test"', 'environment = "live"', 1))
    profile = load(path, CREDENTIAL_ENV)
    assert profile.reads_only("other_environment")
    pair = profile.credentials["other_environment"]
    live = "Basic " + base64.b64encode(f"{pair.key}:{pair.secret}".encode()).decode()
    with rewriting(bendable.url, Change(answer=note)) as front:
        path.write_text(path.read_text().replace(f'base_url = "{bendable.url}"', f'base_url = "{front.url}"'))
        found = run_of(path, tmp_path)
    methods = {method for method, authorization in sent if authorization == live}
    assert methods == {"GET"}
    assert requirements_of(found)["failed"] == set()
    assert "get_payout_intent.walk.environment" in found.checks


def run_of(path: Path, folder: Path):
    from conformance.fuzz.run import Order, run
    from tests.fuzz.support import result

    return result(folder / "run", run(load(path, CREDENTIAL_ENV), folder / "run", Order(40, 1)))


@pytest.mark.parametrize(("memory_s", "wrong"), [(20.0, True), (-1.0, False)])
def test_an_old_key_is_not_judged(memory_s, wrong, monkeypatch):
    """A key that was first used longer ago than targets have to remember it may have been forgotten."""
    monkeypatch.setattr(state_machine, "MEMORY_S", memory_s)
    model = IntentModel([Subject(INTENT, "primary", "requires_approval", None)])
    first = Step("cancel", key="a", reason="first")
    assert not any(one.finding for one in model.judge(first, reply(202, BODY)))
    forgotten = reply(422, refusal("approval_required"))
    answered = model.judge(Step("cancel", key="a", reason="second"), forgotten)
    assert any(one.finding for one in answered) is wrong


@pytest.mark.parametrize(
    ("came", "wrong"),
    [("first", False), (" first ", False), ("  first", False), ("First", True), ("fir", True), (None, True)],
)
def test_a_read_may_tidy_a_reason_and_no_more(came, wrong):
    """Outer white space is a SHOULD, which the requirement of the reason warns of; the outcome is what it was."""
    model = IntentModel([Subject(INTENT, "primary", "requires_approval", None)])
    model.judge(Step("cancel", reason=" first "), reply(202, BODY))
    answered = model.judge(Step("read"), reply(200, {**BODY, "failure_message": came}))
    assert any(one.finding and one.check.endswith(".read") for one in answered) is wrong


def test_the_last_step_that_may_have_no_effect_takes_the_blame():
    """Of those that a shortest sequence can't do without, the one after which the change is there."""
    assert blamed(["conflict", "credentials"], WITHOUT_EFFECT) == "credentials"
    assert blamed(["credentials", "conflict", "refused"], WITHOUT_EFFECT) == "conflict"
    assert blamed(["refused"], WITHOUT_EFFECT) is None
    assert family("payout-intents", "get_payout_intent.walk.credentials") == family(
        "payout-intents", "get_payout_intent.walk.read"
    )
    assert family("payout-intents", "cancel_payout_intent.walk.replay") == {
        "cancel_payout_intent.walk.replay"
    }


@pytest.mark.parametrize(
    ("odd", "check"),
    [
        ("wrong_credentials", "credentials"),
        ("broken_json", "refused"),
        ("a_number", "refused_type"),
        ("600_characters", "refused_long"),
    ],
)
def test_a_refused_request_that_cancels_is_blamed_and_not_the_cancel_after_it(odd, check):
    """The documented cancel that finds the intent cancelled fails the requirement of the request that did it."""
    model = IntentModel([Subject(INTENT, "primary", "requires_approval", None)])
    model.judge(Step("cancel", odd=odd), reply(401 if "credentials" in odd else 400, refusal("no")))
    answered = model.judge(Step("cancel", reason="x"), reply(422, refusal("approval_required")))
    assert [one.check for one in answered if one.finding] == [f"get_payout_intent.walk.{check}"]


@pytest.mark.parametrize(
    "answer",
    [reply(202, BODY), reply(409, refusal("idempotency_conflict")), reply(422, refusal("approval_required"))],
    ids=["replayed", "conflict", "refused"],
)
def test_the_key_of_an_odd_body_that_cancelled_is_open(answer):
    """A body that is no object may be taken for none: the same request with `{}` is then a retry, or it isn't."""
    model = IntentModel([Subject(INTENT, "primary", "requires_approval", None)])
    model.judge(Step("cancel", key="a", odd="a_list"), reply(202, BODY))
    assert not [one for one in model.judge(Step("cancel", key="a"), answer) if one.finding]


@pytest.mark.parametrize(
    ("requirement_id", "processes"), [("WD-08", 0), ("WD-03", 0), ("WD-02", 1), ("wd-14", 1), ("WD-31", 1)]
)
def test_fuzzing_that_can_judge_nothing_does_not_start(requirement_id, processes, monkeypatch, tmp_path):
    """No process starts for a requirement that none of its checks is about, with the capabilities declared."""
    started: list[Path] = []
    monkeypatch.setattr(package, "start", lambda profile, run, **options: started.append(run))
    profile = load(profile_for(tmp_path, "withdraws", "http://127.0.0.1:9"), CREDENTIAL_ENV)
    fuzzing = Fuzzing(profile, Options(requirements=(requirement_id,)), tmp_path)
    if fuzzing.is_due:
        fuzzing.start()
    assert len(started) == processes
