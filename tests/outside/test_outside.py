"""Honest implementations that share nothing with this project are certified, and warned only of what they don't do.

Each server is a process of its own, known to the harness by its profile alone.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ACCOUNTS = {
    "primary": {
        "api_key": "ak_prim_81f3c2",
        "api_secret": "as_prim_5d0e77a1b2",
        "public_key": "pk_prim_9a8b7c",
        "secret_key": "sk_prim_1f2e3d4c5b",
    },
    "other_merchant": {
        "api_key": "ak_othr_4411aa",
        "api_secret": "as_othr_99ffcc0011",
        "public_key": "pk_othr_cc00dd",
        "secret_key": "sk_othr_77aa88bb99",
    },
    "other_environment": {"public_key": "pk_live_ee11ff", "secret_key": "sk_live_2a3b4c5d6e"},
}
PAIRS = {"withdraws": ("api_key", "api_secret"), "payout-intents": ("public_key", "secret_key")}
OWNERS = {"withdraws": ("primary", "other_merchant"), "payout-intents": tuple(ACCOUNTS)}


@dataclass(frozen=True)
class Honest:
    """What one server says of itself for one API, and what it doesn't do although it should.

    `inapplicable` are requirements that its declarations leave nothing to test of.
    """

    server: str
    api: str
    states: str
    capabilities: str
    warned: frozenset[str]
    inapplicable: frozenset[str] = field(default=frozenset())

    def __str__(self) -> str:
        return f"{self.server}-{self.api}"


FLASK_WITHDRAWS = Honest(
    server="flask",
    api="withdraws",
    states="",
    capabilities="cancel_processing = true\nsettlement = true",
    warned=frozenset(
        {
            "WD-27",  # an id that the router's uuid converter refuses gets the framework's page, which isn't JSON
            "WD-28",  # and that page is HTML
            "WD-36",  # its 401 carries no challenge
        }
    ),
    inapplicable=frozenset({"WD-03"}),  # every processing withdraw can be cancelled
)
FLASK_INTENTS = Honest(
    server="flask",
    api="payout-intents",
    states='terminal = ["cancelled", "succeeded", "failed"]',
    capabilities='settlement = true\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
    warned=frozenset(
        {
            "PI-43",  # werkzeug 3.1 raises where the credentials aren't ASCII: a 500
            "PI-45",  # bad JSON and other types get the framework's own pages
        }
    ),
)
NODE_WITHDRAWS = Honest(
    server="node",
    api="withdraws",
    states='read_path = "/api/v1/withdraws/{id}"',
    capabilities="cancel_processing = false\nsettlement = false",
    warned=frozenset({"WD-36"}),  # 403, and no challenge
    inapplicable=frozenset({"WD-02", "WD-42"}),  # the capabilities that it declares absent
)
NODE_INTENTS = Honest(
    server="node",
    api="payout-intents",
    states='terminal = ["cancelled", "settled", "returned"]',
    capabilities="settlement = false\nwebhooks = false",
    warned=frozenset({"PI-41"}),  # 403, and no challenge
    inapplicable=frozenset({"PI-09", "PI-49", "PI-50"}),  # the capabilities that it declares absent
)
COMMANDS = {"flask": [sys.executable, "flask_app.py"], "node": ["node", "node_server.mjs"]}
NO_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="node isn't installed")
MARKS = {
    "flask": [pytest.mark.xdist_group("outside-flask")],
    "node": [pytest.mark.xdist_group("outside-node"), NO_NODE],
}


def plain_environment(**more: str) -> dict[str, str]:
    """Ours without what pytest or a terminal put into it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV_", "FORCE_COLOR"))}
    return {**kept, **more}


@contextmanager
def served(name: str) -> Iterator[str]:
    """The server as a process; its address."""
    process = subprocess.Popen(
        COMMANDS[name],
        cwd=HERE,
        env=plain_environment(OUTSIDE_ACCOUNTS=json.dumps(ACCOUNTS)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    overdue = threading.Timer(20, process.kill)
    overdue.start()
    try:
        url = process.stdout.readline().strip()
        overdue.cancel()
        assert url, f"{name} didn't start"
        yield url
    finally:
        overdue.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def profile_for(honest: Honest, url: str) -> str:
    """The profile that its makers would write."""
    lines = [
        "[target]",
        f'name = "Outside {honest.server}"',
        f'api = "{honest.api}"',
        f'base_url = "{url}"',
        'environment = "test"',
    ]
    for owner in OWNERS[honest.api]:
        lines.append(f"\n[credentials.{owner}]")
        lines += [f'{item} = "${{{owner.upper()}_{item.upper()}}}"' for item in PAIRS[honest.api]]
    lines += ["\n[states]", f'url = "{url}/_states"', honest.states, "\n[capabilities]", honest.capabilities]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "honest",
    [
        pytest.param(one, id=str(one), marks=MARKS[one.server])
        for one in (FLASK_WITHDRAWS, FLASK_INTENTS, NODE_WITHDRAWS, NODE_INTENTS)
    ],
)
def test_an_honest_outsider_is_conformant(honest: Honest, tmp_path: Path) -> None:
    """No failure, no error, nothing untested, and each warning is one that the server has earned."""
    secrets = {
        f"{owner.upper()}_{item.upper()}": pair[item]
        for owner, pair in ACCOUNTS.items()
        for item in PAIRS[honest.api]
        if item in pair
    }
    with served(honest.server) as url:
        (tmp_path / "profile.toml").write_text(profile_for(honest, url))
        done = subprocess.run(
            [sys.executable, "-m", "conformance", "run", "profile.toml", "--fuzz-examples", "20"],
            cwd=tmp_path,
            env=plain_environment(**secrets, PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    record = json.loads((tmp_path / "reports" / "latest" / "run.json").read_text())
    unlike = {row["id"]: (row["outcome"], row["reason"]) for row in record["requirements"]}
    unlike = {each: found for each, found in unlike.items() if found[0] != "passed"}
    expected = dict.fromkeys(honest.warned, "warned") | dict.fromkeys(honest.inapplicable, "not_applicable")
    assert {each: outcome for each, (outcome, _) in unlike.items()} == expected, unlike
    assert record["verdict"] == "conformant"
    # A server that tells no account number isn't praised for hiding it.
    searched = {one["outcome"] for one in record["checks"] if "account_number_is_in_no_refusal" in one["id"]}
    assert searched == {"not_applicable"}
