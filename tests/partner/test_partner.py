"""A partner validates somebody else's sandbox with what the README says: from `init` to a verdict, and no script."""

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.report import record as records
from tests.outside.servers import ACCOUNTS
from tests.support import PATIENCE_S, command, environment, record
from tests.tap import Tap
from tests.test_crash import ended, halfway

# One sandbox and one profile are used by all of these.
pytestmark = pytest.mark.xdist_group("partner")

GATEWAY = "gw-51-partner"
ONE_MERCHANT = "the sandbox has one account"
SCOPE = ("--scope", f"other_merchant={ONE_MERCHANT}")
HEADER = ("--header", "X-Gateway-Key: ${PARTNER_GATEWAY}")
CREATE = {
    "payout-intents": {
        "amount": "50000",
        "currency": "MYR",
        "country": "MY",
        "merchant_reference": "{unique}",
    },
    "withdraws": {"amount": "1250.50", "referenceId": "{unique}"},
}
INIT = {
    "payout-intents": (
        *("--create", "/payout_intents", "--step", "processing=/sandbox/payout_intents/{id}/approve"),
        *("--scope", "other_environment=there is no second environment"),
    ),
    "withdraws": (
        *("--create", "/api/v1/withdraws", "--read-path", "/api/v1/withdraws/{id}"),
        *("--cancel-processing", "--magic", 'processing={"amount": "4003"}'),
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """The address of the partner's sandbox; its payments take a moment."""
    accounts = {"primary": ACCOUNTS["primary"]}
    env = environment(OUTSIDE_ACCOUNTS=json.dumps(accounts), GATEWAY_KEY=GATEWAY)
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "sandbox.py")],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    assert url, "the sandbox didn't start"
    yield url
    server.terminate()
    server.wait()
    server.stdout.close()


def do(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command, with no variable of the profile in the environment."""
    return command(*words, cwd=folder, env={**environment(), "COLUMNS": "200"})


def prepared(folder: Path, url: str, api: str) -> None:
    """Writes profile and variables as `init` says, and fills in the values."""
    done = do(
        folder,
        *(
            "init",
            "partner.toml",
            "--api",
            api,
            "--base-url",
            url,
            "--name",
            "Partner",
            "--environment",
            "sandbox",
        ),
        *("--create-json", json.dumps(CREATE[api]), "--magic", 'paid={"amount": "4001"}'),
        *("--magic", 'failed={"amount": "4002"}', *INIT[api], *SCOPE, *HEADER),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "doctor partner.toml --env-file partner.env" in done.stdout
    values = {
        **{f"PARTNER_{k}".upper(): v for k, v in ACCOUNTS["primary"].items()},
        "PARTNER_GATEWAY": GATEWAY,
    }
    profile = folder / "partner.toml"
    # The line that only the partner knows: the doctor asks for it.
    profile.write_text(
        profile.read_text().replace("# processing_not_cancellable =", "processing_not_cancellable =")
    )
    variables = folder / "partner.env"
    lines = re.sub(r"(?m)^(\w+)=$", lambda found: f"{found[1]}='{values[found[1]]}'", variables.read_text())
    variables.write_text(lines)


@pytest.mark.parametrize("api", INIT)
def test_from_init_to_a_verdict(sandbox: str, tmp_path: Path, api: str) -> None:
    """Every MUST in scope is decided, and everybody who sees the verdict sees its scope."""
    prepared(tmp_path, sandbox, api)

    forgot = do(tmp_path, "doctor", "partner.toml")
    assert forgot.returncode == 2
    assert "PARTNER_GATEWAY" in forgot.stderr
    assert "--env-file partner.env" in forgot.stderr

    examined = do(tmp_path, "doctor", "partner.toml", "--env-file", "partner.env", "--wait", "30")
    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert '"amount": "4001"' in examined.stdout
    assert f"out of scope: {ONE_MERCHANT}" in examined.stdout

    ran = do(tmp_path, "run", "partner.toml", "--env-file", "partner.env", "--no-fuzz", "--watch", "0")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    scope = "(scope: one merchant, one environment)" if api == "payout-intents" else "(scope: one merchant)"
    assert ran.stdout.startswith(f"CONFORMANT {scope}  Partner ({api}, sandbox) ")
    folder = (tmp_path / "reports" / "latest").resolve()
    for name in ("report.html", "summary.md", "badge.svg", "badge.json", "junit.xml"):
        text = (folder / name).read_text()
        assert (f"onformant {scope}" in text) or (name == "junit.xml" and "scope.other_merchant" in text), (
            name
        )
        assert GATEWAY not in text
    assert GATEWAY not in (folder / "exchanges.har").read_text()
    requirements = {requirement["id"]: requirement for requirement in record(tmp_path)["requirements"]}
    left_out = [
        requirement for requirement in requirements.values() if ONE_MERCHANT in (requirement["reason"] or "")
    ]
    assert {requirement["outcome"] for requirement in left_out} == {"not_applicable"}
    assert not [
        requirement for requirement in requirements.values() if requirement["outcome"] == "not_testable"
    ]

    assert do(tmp_path, "keygen", "--out", "partner").returncode == 0
    assert do(tmp_path, "certify", str(folder), "--key", "partner.key.pem").returncode == 0
    certificate = str(folder / "certificate.json")
    verified = do(tmp_path, "verify", certificate, "--public-key", "partner.pub.pem")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"CONFORMANT {scope}" in verified.stdout
    assert ONE_MERCHANT in verified.stdout


def test_a_run_that_was_killed_creates_the_rest_and_nothing_twice(sandbox: str, tmp_path: Path) -> None:
    """Killed at any request, with resources begun ahead: finished checks stand, no id serves both halves."""
    tap = Tap(sandbox)
    try:
        prepared(tmp_path, tap.url, "payout-intents")
        number = random.randint(60, 300)

        def has_finished_one() -> bool:
            """Checks may wait for a later cancel, which proves them: until then, the journal doesn't have them."""
            return any(path.stat().st_size for path in tmp_path.glob("reports/*/journal/*.ndjson"))

        tap.manner = lambda request: "hold" if request >= number and has_finished_one() else "pass"
        words = ("--env-file", "partner.env", "--no-fuzz", "--watch", "0", "-n", "2")
        with halfway(tmp_path / "partner.toml", *words, checks=1) as (process, folder):
            assert tap.holds.wait(PATIENCE_S)
            ended(process)
        killed = tap.deserted()
        before = records.load(folder)

        done = do(tmp_path, "run", "--resume", str(folder), "--env-file", "partner.env")
    finally:
        tap.close()

    assert done.returncode == 0, (number, done.stdout + done.stderr)
    # What was created ahead, by steps of its own, is taken by a check of either half.
    halves = [
        {path for _, path in tap.requests[part] if path.endswith("/cancel")}
        for part in (slice(killed), slice(killed, None))
    ]
    assert not halves[0] & halves[1], number
    found = record(tmp_path)
    checks = {check["id"]: check for check in found["checks"]}
    assert found["complete"]
    assert len(checks) == len(found["checks"]) > len(before.checks)
    kept = {check.id: check.started_at for check in before.checks}
    assert all(checks[name]["started_at"] == at for name, at in kept.items()), number
    creates = [path for method, path in tap.requests if (method, path) == ("POST", "/payout_intents")]
    assert len(creates) > 30
    assert GATEWAY not in (folder / "exchanges.har").read_text()


def test_a_scope_beside_credentials_is_a_mistake(sandbox: str, tmp_path: Path) -> None:
    prepared(tmp_path, sandbox, "withdraws")
    text = (tmp_path / "partner.toml").read_text()
    pair = '\n[credentials.other_merchant]\napi_key = "${PARTNER_API_KEY}"\napi_secret = "${PARTNER_API_SECRET}"\n'
    (tmp_path / "partner.toml").write_text(text.replace("\n[scope]", f"{pair}\n[scope]"))

    done = do(tmp_path, "plan", "partner.toml", "--env-file", "partner.env", "--no-fuzz")

    assert done.returncode == 2, done.stdout
    assert "other_merchant" in done.stderr


def test_a_plan_counts_the_calls(sandbox: str, tmp_path: Path) -> None:
    """Each setup takes one, those with steps and a wait more."""
    prepared(tmp_path, sandbox, "withdraws")
    done = do(tmp_path, "plan", "partner.toml", "--no-fuzz", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)["requests"]
    assert told["creating"] > told["states"]["setup"] > 0
    assert told["against_max_requests"] == told["suites"] + told["fuzzing"] + told["creating"]
