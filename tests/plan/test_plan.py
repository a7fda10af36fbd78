"""The plan tells what a run would do, with the figures of a run, and sends the target nothing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.plan import counting_proxy
from conformance.plan.figures import Need, readable
from conformance.plan.rehearsal import refusals
from conformance.sandbox import Sandbox
from tests.support import (
    READ_PATH,
    SandboxProcess,
    certify,
    command,
    environment,
    record,
    serving,
    write_profile,
)


def planned(profile: Path, *words: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """`plan --json`."""
    done = command("plan", profile, "--json", *words, cwd=profile.parent, env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_figures_are_those_of_a_run(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """As many requests as a run sends; and the target of a plan gets none, whatever its credentials are."""
    path = write_profile(tmp_path, "withdraws", sandbox.url, states=f"sandbox = true\n{READ_PATH}")
    # Each worker makes evidence of its own, and a run takes several where answers are slow: a plan counts for one.
    certify(path, "--quiet", "-n", "1")
    har = json.loads((tmp_path / "reports" / "latest" / "exchanges.har").read_text())
    with serving(lambda *_: None) as server:
        quiet = write_profile(tmp_path, "withdraws", server.url, states=f"sandbox = true\n{READ_PATH}")
        unset = {name: value for name, value in environment().items() if not name.startswith("SANDBOX_")}
        plan = planned(quiet, "--no-fuzz", "--latency-ms", "100", env=unset)
        assert server.connections == 0

    requests, resources = plan["requests"], plan["resources"]
    assert plan["checks"] == len(record(tmp_path)["checks"])
    assert requests["fuzzing"] == 0
    needed = sum(one["needed"] for one in resources)
    # The first requests aren't part of any check, nor is looking at each resource before it is used. How often
    # something is looked at again depends on the moment, and what there is to look back on, on the process.
    beginning = 3 + 1 + 6  # the same from the same connection, the other pair, one resource per state
    assert abs(requests["suites"] - beginning - needed - len(har["log"]["entries"])) <= 12
    assert requests["states"]["setup"] == requests["states"]["teardown"] == needed
    assert requests["wrong_credentials"] > 50
    assert {one["status"] for one in resources} == {"pending", "processing", "paid", "failed", "canceled"}
    assert plan["untested"] == []
    assert list(plan["seconds"]) == ["100"]


def test_lists_that_are_too_short(tmp_path: Path) -> None:
    """How many more of which, what stays untested until then, and that a run would be inconclusive."""
    ids = ", ".join(f'"{number}"' for number in range(8))
    path = write_profile(
        tmp_path, "withdraws", "http://127.0.0.1:1", owners=("primary",),
        states=f'[states.ids]\npending = [{ids}]\npaid = ["p1", "p2", "p3", "p4", "p5", "p6", "p7"]',
    )  # fmt: skip
    done = command("plan", path, "--no-fuzz", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "taken from the lists" in done.stdout
    assert "states.ids.pending holds 8 unused: add" in done.stdout
    assert "states.ids.failed holds 0 unused: add" in done.stdout
    assert re.search(r"with enough of the others, \d+ decide \d+ MUSTs, \d+ \d+", done.stdout), done.stdout
    assert re.search(
        r"with what the lists hold \d+ of 28 MUSTs are decided, with all of that \d+", done.stdout
    )
    assert "states.ids.paid holds" not in done.stdout
    assert "the profile has no [credentials.other_merchant]" in done.stdout
    assert "inconclusive (exit code 3)" in done.stdout


@pytest.fixture
def target() -> Iterator[Sandbox]:
    """A sandbox in this process."""
    with Sandbox() as sandbox:
        yield sandbox


def test_a_command_can_only_do_what_its_words_have_a_place_for(tmp_path: Path) -> None:
    """The rehearsal refuses options that the program can't be given, as a run would."""
    states = 'command = ["./make", "{status}", "--for={owner}"]'
    profile = readable(write_profile(tmp_path, "payout-intents", "http://127.0.0.1:1", states=states))
    refuses = refusals(profile)

    assert refuses("setup", {"status": "paid", "owner": "other_merchant"}) == ""
    assert "{environment}" in refuses("setup", {"status": "paid", "environment": "other"})
    assert "{webhook_url}" in refuses("setup", {"status": "paid", "webhook_url": "http://x"})
    assert "{action}" in refuses("settle", {})


def test_the_proxy_counts_what_it_lets_through(target: Sandbox) -> None:
    """By owner and status; what is refused isn't counted."""
    statuses = []
    with counting_proxy.opened(
        target.states_url, lambda _, params: "no" if params["status"] == "paid" else ""
    ) as proxy:
        for status, owner in (("pending", None), ("pending", "other_merchant"), ("paid", None)):
            params = {"contract": "withdraws", "status": status} | ({"owner": owner} if owner else {})
            message = {"action": "setup", "params": params}
            statuses.append(httpx.post(proxy.url, json=message, trust_env=False).status_code)
    assert statuses == [200, 200, 422]
    assert dict(proxy.setups) == {("primary", "pending"): 1, ("other_merchant", "pending"): 1}
    assert dict(proxy.actions) == {"setup": 2}


def test_what_is_short_is_what_is_needed_less_what_is_there() -> None:
    """Never less than nothing; resources that are made are never short."""
    assert Need("primary", "paid", 5, 3).short == 2
    assert Need("primary", "paid", 5, 8).short == 0
    assert Need("primary", "paid", 5, None).short == 0
