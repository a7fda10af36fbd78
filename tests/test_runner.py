"""Whole runs, by the command, against a sandbox in another process or a target made for the purpose."""

import json
import re
from pathlib import Path

import pytest

from tests.support import (
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    always,
    certify,
    command,
    outcomes,
    record,
    reply_with,
    serving,
    write_profile,
)

APIS = ("withdraws", "payout-intents")
MORE = {"withdraws": READ_PATH, "payout-intents": TERMINAL}
# What a run takes of each state, with some to spare.
TAKEN = {
    "withdraws": {"pending": 320, "processing": 24, "paid": 30, "failed": 10, "canceled": 10},
    "payout-intents": {"requires_approval": 380, "processing": 40, "cancelled": 15, "paid": 15, "failed": 15},
}
TAKEN_OF_OTHERS = 30


# -- where resources come from -------------------------------------------------------------------------------


def pools(sandbox: SandboxProcess, api: str, runs: int = 1) -> str:
    """Tables of ids that the sandbox was asked for beforehand, enough for so many runs."""
    owners: dict[str, dict[str, str]] = {"": {}, "other_merchant": {"owner": "other_merchant"}}
    if api == "payout-intents":
        owners["other_environment"] = {"environment": "other"}
    lines = []
    for owner, params in owners.items():
        lines.append(f"[states.ids.{owner}]" if owner else "[states.ids]")
        for status, number in TAKEN[api].items():
            ids = [
                sandbox.make(api, status, **params)
                for _ in range(runs * (TAKEN_OF_OTHERS if owner else number))
            ]
            lines.append(f"{status} = {json.dumps(ids)}")
        if api == "withdraws" and not owner:
            unable = [
                sandbox.make(api, "processing", provider_supports_cancel=False) for _ in range(6 * runs)
            ]
            lines.append(f"processing_not_cancellable = {json.dumps(unable)}")
    return "\n".join(lines)


MAKER = r"""#!/bin/sh
# status owner environment provider_supports_cancel action
[ "$5" = setup ] || exit 0
more=
[ "$2" = primary ] || more="$more, \"owner\": \"$2\""
[ "$3" = own ] || more="$more, \"environment\": \"other\""
[ "$4" = true ] || more="$more, \"provider_supports_cancel\": false"
curl -sf --noproxy '*' URL -d "{\"action\": \"setup\", \"params\": {
  \"contract\": \"API\", \"status\": \"$1\"$more}}" | sed 's/.*"id": *"\([^"]*\)".*/\1/'
"""


def states(sandbox: SandboxProcess, api: str, source: str, folder: Path) -> str:
    """The [states] of a profile, by one of the four sources."""
    if source == "command":
        script = folder / "make"
        script.write_text(MAKER.replace("URL", f"{sandbox.url}/_states").replace("API", api))
        script.chmod(0o700)
        words = [
            "./make",
            "{status}",
            "{owner}",
            "{environment}",
            "{provider_supports_cancel}",
            "{action}",
            "{id}",
        ]
        return f"{MORE[api]}\ncommand = {json.dumps(words)}"
    if source == "ids":
        return f"{MORE[api]}\n{pools(sandbox, api)}"
    return f"{MORE[api]}\n" + ("sandbox = true" if source == "sandbox" else f'url = "{sandbox.url}/_states"')


# Whole runs over the other sources are elsewhere: `sandbox` in test_apart, `url` in states/test_odd_ids, lists of
# withdraws in test_resume.
def test_the_sandbox_is_conformant_over_lists(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Every requirement that applies is met; nothing can be asked to settle, so that what needs it doesn't apply."""
    text = states(sandbox, "payout-intents", "ids", tmp_path)

    done = certify(write_profile(tmp_path, "payout-intents", sandbox.url, states=text, capabilities=""))

    assert (done.returncode, done.stdout.split()[0]) == (0, "CONFORMANT"), done.stdout + done.stderr
    assert set(outcomes(tmp_path).values()) <= {"passed", "not_applicable"}


def test_a_command_makes_everything_that_can_be_asked_for(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Each state, of either merchant, also what a provider can't cancel: nothing is left untested, nothing fails."""
    text = states(sandbox, "withdraws", "command", tmp_path)
    requirement_ids = ("WD-01", "WD-02", "WD-03", "WD-04", "WD-05", "WD-12")
    words = [word for requirement_id in requirement_ids for word in ("--requirement", requirement_id)]

    done = certify(
        write_profile(
            tmp_path, "withdraws", sandbox.url, states=text, capabilities="cancel_processing = true"
        ),
        *words,
    )

    found = outcomes(tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert set(found.values()) <= {"passed", "not_applicable", "deselected"}
    assert {found[requirement_id] for requirement_id in requirement_ids} == {"passed"}


@pytest.mark.parametrize(
    ("line", "outcome", "code"),
    [("", "not_testable", 3), ("processing_not_cancellable = []", "not_applicable", 3)],
    ids=["says nothing", "says that there are none"],
)
def test_lists_say_which_providers_cannot_cancel(
    sandbox: SandboxProcess, tmp_path: Path, line: str, outcome: str, code: int
) -> None:
    """A requirement that nobody can judge is visible; an empty list says that its condition can't arise."""
    ids = json.dumps([sandbox.make("withdraws", "processing")])
    text = f"{MORE['withdraws']}\n[states.ids]\nprocessing = {ids}\n{line}"

    done = certify(write_profile(tmp_path, "withdraws", sandbox.url, states=text), "--requirement", "WD-03")

    assert outcomes(tmp_path)["WD-03"] == outcome, done.stdout
    assert done.returncode == code


def test_both_profiles_in_one_call_with_fuzzing(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """`run A B`: two verdicts, two reports, one exit code; and fuzzing tries some of each."""
    paths = [
        write_profile(tmp_path, api, sandbox.url, states=states(sandbox, api, "url", tmp_path))
        for api in APIS
    ]

    done = command("run", *paths, "--fuzz-examples", "1", "-k", "matrix or fuzz", cwd=tmp_path)

    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.count("INCONCLUSIVE  Acme") == 2
    assert done.stdout.count("Report: reports/acme-") == 2
    latest = tmp_path / "reports" / "latest"
    links = re.findall(r'href="([^"]*report.html)"', (latest / "overview.html").read_text())
    assert len(links) == 2
    assert all((latest.resolve() / link).exists() for link in links)
    assert (latest / "summary.md").read_text().count("INCONCLUSIVE".capitalize()) >= 2


def test_a_finished_run_leaves_reports_and_no_working_files(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Everything else is in the record."""
    certify(write_profile(tmp_path, "withdraws", sandbox.url), "--requirement", "WD-04")

    kept = {path.name for path in (tmp_path / "reports" / "latest").iterdir()}
    rendered = {
        "report.html",
        "junit.xml",
        "sarif.json",
        "summary.md",
        "badge.json",
        "badge.svg",
        "allure-results",
        "allurerc.json",
    }
    assert kept == rendered | {"run.json", "exchanges.har", "profile.toml", ".origin"}


# -- defects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "requirement"),
    [
        ("wd-paid-is-cancelled", "WD-04"),
        ("pi-environment-is-not-checked", "PI-12"),
    ],
)
def test_a_defect_is_found_and_named(
    bendable: SandboxProcess, tmp_path: Path, defect: str, requirement: str
) -> None:
    """Exit 1, and the terminal names the requirement, what came instead, and how to repeat it.

    That every defect is found is for the proof to show; a whole run with one is in test_waivers.
    """
    api = "withdraws" if defect.startswith("wd-") else "payout-intents"
    bendable.bend(defect)
    profile = write_profile(tmp_path, api, bendable.url, states=states(bendable, api, "sandbox", tmp_path))

    done = certify(profile, "--requirement", requirement)

    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("NON-CONFORMANT"), done.stdout
    assert re.search(rf"\b{requirement}\b", done.stdout)
    assert "curl" in done.stdout
    assert outcomes(tmp_path)[requirement] == "failed"


def test_a_warning_fails_only_where_it_is_asked_to(bendable: SandboxProcess, tmp_path: Path) -> None:
    """A SHOULD warns; `--fail-on warning` makes that a 1."""
    bendable.bend("wd-unauthorized-is-400")
    profile = write_profile(tmp_path, "withdraws", bendable.url)

    plain, strict = (
        certify(profile, "--requirement", "WD-36", *more) for more in ((), ("--fail-on", "warning"))
    )

    assert plain.returncode == 3, plain.stdout
    assert strict.returncode == 1
    assert outcomes(tmp_path)["WD-36"] == "warned"


# -- nothing skipped is green --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("-k", "only_the_key"), ("-k", "only_the_key", "-n", "2"), ("--requirement", "WD-04")]
)
def test_what_is_left_out_is_deselected_and_inconclusive(
    sandbox: SandboxProcess, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """However little is selected: 3, never 0."""
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url), *words)

    assert (done.returncode, done.stdout.split()[0]) == (3, "INCONCLUSIVE"), done.stdout + done.stderr
    found = outcomes(tmp_path)
    assert found["WD-01"] == "deselected"
    assert found["WD-04"] == ("passed" if "WD-04" in words else "deselected")


@pytest.mark.parametrize(
    ("expression", "code", "ids"),
    [
        ("zzz", 2, []),
        ("-x", 2, []),
        ("auth::missing_header_is_refused[only_the_kex]", 2, []),
        ("fuzz", 2, []),
        (
            "errors::refusal_shows_no_insides[unknown key]",
            3,
            ["errors::refusal_shows_no_insides[unknown key]"],
        ),
        (
            "zzz or auth::missing_header_is_refused[only_the_key]",
            3,
            ["auth::missing_header_is_refused[only_the_key]"],
        ),
    ],
)
def test_an_expression_takes_ids_and_has_to_match(
    sandbox: SandboxProcess, tmp_path: Path, expression: str, code: int, ids: list[str]
) -> None:
    """As reports print them; one that matches no check is a mistake, and leaves nothing behind."""
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url), "-k", expression)

    assert done.returncode == code, done.stdout + done.stderr
    if code == 2:
        assert "matches no check of withdraws" in done.stderr
        assert not (tmp_path / "reports").exists()
    else:
        assert [check["id"] for check in record(tmp_path)["checks"]] == ids


def test_a_hand_written_check_is_performed_again(bendable: SandboxProcess, tmp_path: Path) -> None:
    """On a fresh resource; 1 while it fails, 0 once it is mended."""
    name = "cancellation::matrix_final_state_is_refused[paid]"
    bendable.bend("wd-paid-is-cancelled")
    certify(write_profile(tmp_path, "withdraws", bendable.url), "-k", name)
    run = tmp_path / "reports" / "latest"

    still = command("replay", run, name, cwd=tmp_path)
    bendable.bend()
    mended = command("replay", run, "matrix_final_state", cwd=tmp_path)

    assert (still.returncode, mended.returncode) == (1, 0), still.stderr + mended.stderr
    assert "still fails" in still.stdout
    assert "no longer fails" in mended.stdout


def test_without_another_merchant_tenancy_is_not_testable(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Inconclusive, and what is missing is said."""
    done = certify(
        write_profile(tmp_path, "withdraws", sandbox.url, owners=("primary",)), "-k", "other or matrix"
    )

    assert done.returncode == 3, done.stdout + done.stderr
    assert "[credentials.other_merchant]" in done.stdout
    assert "WD-12" in done.stdout
    found = outcomes(tmp_path)
    assert found["WD-12"] == "not_testable"
    assert "failed" not in found.values()


def test_without_a_source_nothing_that_needs_one_is_testable(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Checks that need no resource run all the same."""
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url, states=""), "-k", "matrix or unknown")

    assert done.returncode == 3
    assert "names no source" in done.stdout
    found = outcomes(tmp_path)
    assert found["WD-11"] == "passed"
    assert "failed" not in found.values()


def test_a_pool_that_is_too_small_names_the_pool(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Not testable for want of ids: which, and how many there were."""
    one = sandbox.make("withdraws", "pending")
    done = certify(
        write_profile(tmp_path, "withdraws", sandbox.url, states=f'[states.ids]\npending = ["{one}"]'),
        "-k",
        "auth or matrix",
    )

    assert done.returncode == 3
    assert "all 1 ids of states.ids.pending are used" in done.stdout
    assert "states.ids.paid is empty" in done.stdout
    assert "failed" not in outcomes(tmp_path).values()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply_with(b"<html>Hello</html>", headers="Content-Type: text/html"), "<html>Hello</html>"),
        (reply_with(b"broken", status="500 No"), "500: 'broken'"),
        (reply_with(b'{"id": null}'), '{"id": null}'),
        (reply_with(b'[{"id": "x"}]'), '[{"id": "x"}]'),
        (b"", "gave no answer"),
    ],
    ids=["html", "500", "null", "list", "hangs up"],
)
def test_a_state_provider_that_talks_nonsense_fails_nothing(
    sandbox: SandboxProcess, tmp_path: Path, answer: bytes, says: str
) -> None:
    """The run ends before it begins, with what it answered; who insists gets what it took for not testable."""
    with serving(always(answer)) as server:
        profile = write_profile(tmp_path, "withdraws", sandbox.url, states=f'url = "{server.url}/states/"')
        ended = certify(profile)
        done = certify(profile, "-k", "matrix or unknown", "--insist")

    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert says in " ".join(ended.stderr.split()), ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 2
    assert done.returncode == 3, done.stdout + done.stderr
    assert says in " ".join(done.stdout.split()), done.stdout
    found = outcomes(tmp_path)
    assert "not_testable" in found.values()
    assert "failed" not in found.values()


def test_a_state_provider_that_repeats_itself_fails_nothing(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The first check may use the resource, whoever gets it again can't be judged by it."""
    one = json.dumps({"id": sandbox.make("withdraws", "pending")}).encode()
    with serving(always(reply_with(one)), keep=True) as server:
        done = certify(
            write_profile(tmp_path, "withdraws", sandbox.url, states=f'url = "{server.url}"'), "-k", "auth"
        )

    assert done.returncode == 3, done.stdout
    assert "twice" in done.stdout
    assert {"not_testable", "passed"} <= {check["outcome"] for check in record(tmp_path)["checks"]}
    assert "failed" not in outcomes(tmp_path).values()
