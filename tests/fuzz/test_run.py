"""Whole runs against the sandbox and against targets that misbehave."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request

import pytest

from conformance import fuzz as package
from conformance.catalogue import load as catalogue
from conformance.fuzz.fuzz_contract import checks
from conformance.sandbox import list_defects
from tests.fuzz.support import apis, fuzz, profile_for, result
from tests.support import CREDENTIAL_ENV, PATIENCE_S, environment, eventually, serving


def auth_log(url, api):
    with urllib.request.urlopen(f"{url}/_control/auth-log") as answer:
        return json.load(answer)[api]


@apis
def test_a_conformant_target_has_no_findings(api, bendable, tmp_path):
    bendable.bend()
    found = fuzz(tmp_path, api, bendable.url, examples=30)
    assert found.wrong == {}
    assert found.statistics["shallow"] == []
    assert found.statistics["missing_states"] == {}
    assert set(found.statistics["idle_checks"]) <= {"fuzz::cancel_payout_intent.key.other_intent"}
    assert {check["outcome"] for check in found.checks.values()} == {"passed"}
    assert all(line["exchanges"] and len(line["exchanges"]) <= 6 for line in found.lines)
    # Nothing was found wrongly signed but what was meant to be; sequences have wrong credentials of their own.
    histogram = [one["statuses"] for one in found.statistics["operations"].values()]
    meant = found.statistics["phases"]["credentials"] + (3 if api == "withdraws" else 2)
    failed = auth_log(bendable.url, api)["failed"]
    assert meant <= sum(one.get("401", 0) for one in histogram) <= failed
    assert all(check["outcome"] == "passed" for name, check in found.checks.items() if "auth." in name)


HONEST = [
    {"malformed_id_status": 400, "auth_status": 403, "challenge": False, "other_methods": 404},
    {
        "unknown_route": "flask",
        "bad_reason_status": 422,
        "failure_message_absent": "default",
        "read_lag_ms": 30,
        "malformed_id_status": 422,
    },
    {
        "key_check": "before_lookup",
        "replay_refusals": True,
        "null_reason": "refused",
        "empty_body": "refused",
    },
    {"budget": 2, "instants": "offset", "extra_fields": True, "header_case": "odd", "charset": True},
    {"malformed_id_status": 414, "unknown_route": "express", "keep_alive": False, "zero_decimal": True},
]


@pytest.mark.parametrize("variants", HONEST, ids=lambda variants: next(iter(variants)))
def test_honest_variants_have_no_findings(variants, bendable, tmp_path):
    for seed, api in enumerate(("withdraws", "payout-intents")):
        bendable.post("/_control", {"defects": [], "variants": variants, "reset": True})
        try:
            found = fuzz(tmp_path / api, api, bendable.url, seed=seed + 40, examples=10)
        finally:
            bendable.post("/_control", {"defects": [], "variants": {}, "reset": True})
        assert found.wrong == {}


@pytest.mark.parametrize(
    ("defect", "check", "outcome"),
    [
        ("wd-paid-is-cancelled", "cancel_withdraw.status.paid", "failed"),
        ("wd-amount-is-a-number", "cancel_withdraw.body.amount", "failed"),
        ("wd-malformed-id-is-500", "cancel_withdraw.crash.path", "warned"),
        ("wd-signature-is-not-verified", "cancel_withdraw.auth.wrong_signature", "failed"),
        ("wd-cancel-is-not-saved", "cancel_withdraw.walk.real", "failed"),
        ("pi-success-is-200", "cancel_payout_intent.status.requires_approval", "failed"),
        ("pi-reason-is-escaped", "cancel_payout_intent.reason.free_text", "failed"),
        ("pi-odd-reason-is-kept", "cancel_payout_intent.reason.other_type", "warned"),
        ("pi-cancels-before-authenticating", "cancel_payout_intent.auth.wrong", "failed"),
        ("pi-last4-is-a-number", "cancel_payout_intent.body.recipient", "failed"),
    ],
)
def test_a_defect_is_found_and_blamed_on_its_requirement(defect, check, outcome, bendable, tmp_path):
    bendable.bend(defect)
    api = "withdraws" if defect.startswith("wd") else "payout-intents"
    found = fuzz(tmp_path, api, bendable.url, examples=24)
    assert found.wrong.get(check) == outcome
    (line,) = [line for line in found.lines if line["check"]["id"] == f"fuzz::{check}"]
    problem = line["check"]["problem"]
    assert problem["expected"]
    assert problem["observed"]
    shown = line["exchanges"][problem["exchange"]]
    assert str(shown["status"]) in problem["observed"]
    breaks = next(one.breaks for one in list_defects() if one.id == defect)
    assert set(line["check"]["requirements"]) & set(breaks)


def test_only_the_requirements_asked_for(bendable, tmp_path):
    bendable.bend()
    found = fuzz(tmp_path, "payout-intents", bendable.url, examples=6, requirements=("PI-10",))
    assert {
        requirement_id for check in found.checks.values() for requirement_id in check["requirements"]
    } == {"PI-10"}


def test_nobody_there_is_an_error_and_no_failure(tmp_path):
    found = fuzz(tmp_path, "withdraws", "http://127.0.0.1:9", states='command = ["echo", "x-{status}"]')
    assert set(found.wrong.values()) == {"error"}
    assert found.wrong.keys() == {
        check.removeprefix("fuzz::")
        for check in package.check_ids("withdraws")
        if not check.endswith("processing_refused")
    }
    assert "refused" in found.statistics["ended_early"]
    assert all("refused" in check["message"] for check in found.checks.values())


@apis
def test_no_secret_is_kept_of_a_target_that_echoes_everything(api, tmp_path):
    def echo(peer, request):
        said = json.dumps(
            {"id": request.decode("latin-1"), "error": {"code": request.decode("latin-1")}}
        ).encode()
        first = request.split(b"\r\n")[1:6]
        head = b"\r\n".join(b"X-Echo-" + line for line in first if b":" in line)
        peer.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\nContent-Length: %d\r\n\r\n%s"
            % (head, len(said), said)
        )

    with serving(echo) as server:
        found = fuzz(
            tmp_path, api, server.url, states='command = ["sh", "-c", "echo id-$$-{status}"]', examples=6
        )
        sent = b"".join(server.requests).decode("latin-1")
    assert found.wrong
    kept = "".join(
        path.read_text() for path in found.folder.rglob("*") if path.suffix in (".ndjson", ".json")
    )
    for name, value in CREDENTIAL_ENV.items():
        assert value not in kept, name
    signatures = set(re.findall(r"sha256=[0-9a-f]{64}", sent)) | set(
        re.findall(r"Basic [A-Za-z0-9+/=]{20,}", sent)
    )
    assert signatures
    assert not [one for one in signatures if one.removeprefix("sha256=").removeprefix("Basic ") in kept]


def start(tmp_path, api, url, **more):
    profile = profile_for(tmp_path, api, url, **more.pop("profile", {}))
    os.environ.update(CREDENTIAL_ENV)
    try:
        return package.start(profile, tmp_path / "run", seed=1, **more)
    finally:
        for name in CREDENTIAL_ENV:
            os.environ.pop(name, None)


def test_a_signal_keeps_what_was_found(bendable, tmp_path):
    bendable.bend("wd-paid-is-cancelled")
    process = start(tmp_path, "withdraws", bendable.url, examples=2_000)
    eventually(lambda: auth_log(bendable.url, "withdraws")["accepted"] >= 200)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (0, b"")
    found = result(tmp_path / "run")
    assert found.wrong["cancel_withdraw.status.paid"] == "failed"
    assert found.statistics["ended_early"] == "stopped by a signal"


def test_a_signal_gets_through_to_a_target_that_never_answers(tmp_path):
    over = threading.Event()
    with serving(lambda peer, request: over.wait()) as server:
        profile = {"states": 'command = ["sh", "-c", "echo $$"]', "limits": f"timeout_s = {2 * PATIENCE_S}"}
        process = start(tmp_path, "withdraws", server.url, profile=profile)
        eventually(lambda: server.requests)
        process.send_signal(signal.SIGTERM)
        # It ends long before the answer that it waits for would be given up on.
        process.communicate(timeout=PATIENCE_S)
        over.set()
    assert process.returncode == 0
    assert result(tmp_path / "run").checks == {}


def test_a_budget_ends_it(bendable, tmp_path):
    bendable.bend()
    found = fuzz(tmp_path, "withdraws", bendable.url, examples=2_000, budget_s=0.8)
    assert found.wrong == {}
    assert "budget of 0.8 s" in found.statistics["ended_early"]


def test_the_requests_of_a_run_are_limited(bendable, tmp_path):
    bendable.bend()
    found = fuzz(tmp_path, "withdraws", bendable.url, limits="max_requests = 40")
    assert found.wrong == {}
    assert "budget of 40 requests" in found.statistics["ended_early"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--seed", "1"], 4, "fuzzing failed: "),
        (["--seed", "1", "--requirement", "WD-99"], 2, "no requirement WD-99"),
    ],
)
def test_a_fault_is_told_in_a_line(arguments, code, said, tmp_path):
    profile = profile_for(tmp_path, "withdraws", "http://127.0.0.1:9")
    (tmp_path / "file").write_text("no folder")
    run = tmp_path / ("file" if code == 4 else "run")
    done = subprocess.run(
        [sys.executable, "-m", "conformance.fuzz", "--profile", profile, "--run", run, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_levels_are_those_of_the_requirements(bendable, tmp_path):
    bendable.bend()
    found = fuzz(tmp_path, "payout-intents", bendable.url, examples=4)
    requirements = catalogue("payout-intents").by_id()
    for check in found.checks.values():
        part = {one.key: one.part for one in checks("payout-intents")}[check["id"].removeprefix("fuzz::")]
        assert check["level"] == (part or requirements[check["requirements"][0]].level)
