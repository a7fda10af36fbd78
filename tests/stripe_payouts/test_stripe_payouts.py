"""A third API, from its contract alone: every command works for it, and says of localstripe what is so.

localstripe is a fake of Stripe for developers' tests, and doesn't mean to be more. What it gets wrong against the
reference is listed here with the reason, and nothing else may be found.
"""

import json
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stripe_payouts.conftest import KEY
from tests.support import command, environment

# One run is looked at by many tests: one worker of a parallel test run makes it.
pytestmark = pytest.mark.xdist_group("stripe-payouts")

HERE = Path(__file__).parent
CONTRACT = ("--contract", HERE)
ENVIRONMENT = environment(LOCALSTRIPE_SECRET_KEY=KEY)

ANY_KEY = "it takes any key that begins with sk_"
FAILED = {
    "cancellation::a_parameter_that_is_refused_cancels_nothing": "it cancels first, and then refuses to expand",
    "authentication::a_wrong_key_is_refused[another key]": ANY_KEY,
    "authentication::a_wrong_key_is_refused[a key that is cut off]": ANY_KEY,
    "authentication::a_wrong_key_is_refused[a key with something behind it]": ANY_KEY,
    "idempotency::a_retry_gets_the_first_answer": "it knows no idempotency keys",
    "idempotency::a_key_of_another_payout_is_refused": "it knows no idempotency keys",
}
AIOHTTP = "aiohttp's own answer is plain text"
WARNED = {
    "http::an_answer_is_json[another method]": AIOHTTP,
    "http::an_answer_is_json[an unknown path]": AIOHTTP,
    "http::an_odd_body_causes_no_server_error[a list]": "a body that is no object raises",
    "http::an_odd_body_causes_no_server_error[a number]": "a body that is no object raises",
    "http::an_odd_body_causes_no_server_error[bytes that are not UTF-8]": "decoding a body raises",
    "http::an_odd_body_causes_no_server_error[an unfinished multipart body]": "parsing a body raises",
    "authentication::odd_credentials_cause_no_server_error[bad UTF-8]": "decoding credentials raises",
    "authentication::odd_credentials_cause_no_server_error[another scheme]": "it knows two schemes, and raises",
}
FUZZ_WARNED = {
    "fuzz::cancel_payout.crash.body": "a body that is nested too deeply raises",
    "fuzz::cancel_payout.crash.content_type": "parsing a body raises",
    "fuzz::cancel_payout.crash.credentials": "another scheme raises",
    "fuzz::get_payout.crash.credentials": "another scheme raises",
}
NOT_TESTABLE = {
    "SP-09": "localstripe has no accounts, so the profile names no second one",
    "SP-25": "localstripe makes no payout in transit",
}


def do(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command, with the contract named."""
    return command(*words, *CONTRACT, cwd=cwd, env=ENVIRONMENT)


@dataclass(frozen=True)
class Ran:
    """A run of localstripe: the folder that the commands are given in, what was printed, the record."""

    home: Path
    done: subprocess.CompletedProcess[str]
    record: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.home / "reports" / "latest"

    def checks(self, outcome: str) -> set[str]:
        """The ids of the checks, without those of fuzzing."""
        return {
            one["id"]
            for one in self.record["checks"]
            if one["outcome"] == outcome and not one["id"].startswith("fuzz::")
        }


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, localstripe: str) -> Path:
    """A folder with the profile that `init` has written: payouts come from localstripe's own create, a form."""
    folder = tmp_path_factory.mktemp("stripe")
    done = do(
        *("init", "localstripe.toml", "--api", "stripe-payouts", "--base-url", localstripe),
        *("--name", "localstripe", "--create", "/v1/payouts", "--no-other-merchant"),
        *("--create-json", '{"amount": 1100, "currency": "eur", "status": "pending"}'),
        *("--magic", 'paid={"status": "paid"}', "--magic", 'failed={"status": "failed"}'),
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def ran(home: Path) -> Ran:
    """A whole run, fuzzing included."""
    done = do("run", "localstripe.toml", "--fuzz-examples", "20", "--watch", "0", cwd=home)
    assert done.returncode == 1, done.stdout + done.stderr
    return Ran(home, done, json.loads((home / "reports" / "latest" / "run.json").read_text()))


def test_the_catalogue_shows_it(tmp_path: Path) -> None:
    listed = do("catalogue", "--api", "stripe-payouts", cwd=tmp_path)
    one = do("catalogue", "SP-21", cwd=tmp_path)

    assert listed.returncode == one.returncode == 0, listed.stderr + one.stderr
    assert set(re.findall(r"SP-\d\d", listed.stdout)) == {f"SP-{number:02}" for number in range(1, 26)}
    assert "Idempotent requests" in one.stdout
    assert "idempotency::a_retry_gets_the_first_answer" in one.stdout


def test_each_requirement_names_its_page_and_has_a_check() -> None:
    requirements = tomllib.loads((HERE / "specs" / "requirements.toml").read_text())["requirement"]
    pages = tomllib.loads((HERE / "specs" / "sources.toml").read_text())["sections"]

    assert {requirement["section"] for requirement in requirements} <= set(pages)
    assert {
        requirement["level"] for requirement in requirements if requirement["basis"] in ("doc", "safety")
    } == {"MUST"}
    assert {requirement["level"] for requirement in requirements if requirement["basis"] == "custom"} == {
        "SHOULD"
    }
    suites = "".join(path.read_text() for path in (HERE / "suite").glob("test_*.py"))
    assert set(re.findall(r'requirement\("(SP-\d\d)"\)', suites)) == {
        requirement["id"] for requirement in requirements
    }


def test_init_asks_for_its_one_credential(home: Path) -> None:
    profile = (home / "localstripe.toml").read_text()

    assert 'secret_key = "${LOCALSTRIPE_SECRET_KEY}"' in profile
    assert "/v1/payouts/..." in profile
    assert "LOCALSTRIPE_SECRET_KEY=\n" in (home / "localstripe.env").read_text()


def test_doctor_says_what_is_missing_and_that_any_key_is_taken(home: Path) -> None:
    done = do("doctor", "localstripe.toml", "--json", cwd=home)

    assert done.returncode == 3, done.stdout + done.stderr
    found = [one for one in json.loads(done.stdout)["lines"] if one["state"] != "ok"]
    assert [(one["state"], one["tried"]) for one in found] == [
        ("warning", "called with a wrong secret"),
        ("missing", "looked for [credentials.other_merchant]"),
        ("missing", "asked for an in_transit payout"),
    ]


def test_doctor_tells_a_key_that_is_refused(home: Path) -> None:
    done = command(
        "doctor", "localstripe.toml", *CONTRACT, cwd=home, env=environment(LOCALSTRIPE_SECRET_KEY="pk_test_1")
    )

    assert done.returncode == 2, done.stdout + done.stderr
    assert "401" in done.stdout


def test_plan_says_what_it_cannot_rehearse(home: Path) -> None:
    done = do("plan", "localstripe.toml", cwd=home)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No run could be rehearsed: stripe-payouts has no sandbox" in done.stdout
    assert "SP-09" in done.stdout


def test_the_run_finds_what_localstripe_gets_wrong_and_nothing_else(ran: Ran) -> None:
    assert ran.checks("failed") == set(FAILED)
    assert ran.checks("warned") == set(WARNED)
    assert ran.checks("error") == set()


def test_what_cannot_be_tested_is_told(ran: Ran) -> None:
    outcomes = {requirement["id"]: requirement["outcome"] for requirement in ran.record["requirements"]}

    assert {one for one, outcome in outcomes.items() if outcome == "not_testable"} == set(NOT_TESTABLE)


def test_the_verdict_names_the_api(ran: Ran) -> None:
    assert "NON-CONFORMANT  localstripe (stripe-payouts, test)" in ran.done.stdout


def test_no_key_stands_in_what_is_kept(ran: Ran) -> None:
    kept = [path for path in ran.folder.resolve().rglob("*") if path.is_file()]

    assert kept
    assert [path.name for path in kept if KEY.encode() in path.read_bytes()] == []


def test_fuzzing_finds_what_raises_and_nothing_else(ran: Ran) -> None:
    checks = {one["id"]: one["outcome"] for one in ran.record["checks"] if one["id"].startswith("fuzz::")}

    assert {one: outcome for one, outcome in checks.items() if outcome != "passed"} == dict.fromkeys(
        FUZZ_WARNED, "warned"
    )
    assert {one.partition("::")[2].partition(".")[0] for one in checks} == {"cancel_payout", "get_payout"}
    statuses = ran.record["fuzz"]["operations"]["cancel_payout"]["statuses"]
    assert {"200", "400", "401", "404"} <= statuses.keys()


def test_the_record_says_that_sequences_were_not_tried(ran: Ran) -> None:
    said = "Sequences of requests were not tried: the contract of stripe-payouts has no state machine."

    assert said in ran.record["notes"]
    assert said in " ".join(ran.done.stdout.split())


def test_report_renders_it_again(ran: Ran) -> None:
    page = ran.folder / "report.html"
    before = page.read_bytes()
    page.unlink()

    done = do("report", ran.folder, cwd=ran.home)

    assert done.returncode == 1, done.stdout + done.stderr
    assert page.read_bytes() == before
    assert b"stripe-payouts" in before


def test_a_certificate_is_issued_and_verified(ran: Ran) -> None:
    assert do_plain("keygen", "--out", "stripe", cwd=ran.home).returncode == 0

    signed = do("certify", ran.folder, "--key", "stripe.key.pem", cwd=ran.home)
    verified = do("verify", ran.folder / "certificate.json", "--public-key", "stripe.pub.pem", cwd=ran.home)

    assert signed.returncode == 1, signed.stdout + signed.stderr
    assert verified.returncode == 1, verified.stdout + verified.stderr
    assert "stripe-payouts" in verified.stdout


def do_plain(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command that knows no contracts."""
    return command(*words, cwd=cwd, env=ENVIRONMENT)


def test_a_run_is_compared_with_itself(ran: Ran) -> None:
    done = do("compare", ran.folder, ran.folder, cwd=ran.home)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_fuzzing_found_is_sent_again(ran: Ran) -> None:
    done = do("replay", ran.folder, "fuzz::cancel_payout.crash.content_type", cwd=ran.home)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "still fails" in done.stdout
    assert '-u "$LOCALSTRIPE_SECRET_KEY:"' in done.stdout
    assert KEY not in done.stdout


def test_without_the_option_the_api_is_unknown(home: Path) -> None:
    done = do_plain("run", "localstripe.toml", cwd=home)

    assert done.returncode == 2
    assert "'stripe-payouts' is not one of payout-intents, withdraws" in done.stderr
    assert "--contract FOLDER" in done.stderr
