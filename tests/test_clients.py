"""Clients that share no code with us, written from the documents, get along with the sandbox.

Were the sandbox and the suites wrong in the same way, these would notice.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.sandbox import CREDENTIALS
from tests.support import PATIENCE_S, SandboxProcess

CLIENTS = Path(__file__).parent / "clients"
# In CI a missing tool is a failure: the workflow installs both.
OPTIONAL = not os.environ.get("CI")
needs_node = pytest.mark.skipif(OPTIONAL and not shutil.which("node"), reason="node is not installed")
needs_curl = pytest.mark.skipif(OPTIONAL and not shutil.which("curl"), reason="curl is not installed")


def client(*words: str, secret: str = "") -> str:
    """The output of a client that is started with the primary merchant's credentials."""
    withdraws, intents = (CREDENTIALS[api]["primary"] for api in ("withdraws", "payout-intents"))
    env = {
        "PATH": os.environ["PATH"],
        "WD_KEY": withdraws["api_key"],
        "WD_SECRET": secret or withdraws["api_secret"],
        "PI_KEY": intents["public_key"],
        "PI_SECRET": secret or intents["secret_key"],
    }
    done = subprocess.run(
        words, env=env, cwd=CLIENTS, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def spoken(said: str) -> tuple[int, dict[str, Any]]:
    """Status and body that one of the shell scripts prints."""
    body, _, status = said.strip().rpartition("\n")
    return int(status), json.loads(body)


@needs_node
def test_node_cancels_a_withdraw(sandbox: SandboxProcess) -> None:
    """Once; the second cancel is refused, and so is one signed with another secret."""
    one = sandbox.make("withdraws", "pending")

    wrong = json.loads(client("node", "withdraws.mjs", sandbox.url, one, secret="another"))
    first, second = (json.loads(client("node", "withdraws.mjs", sandbox.url, one)) for _ in range(2))

    assert wrong["status"] == 401
    assert first["status"] == 200
    assert (first["body"]["data"]["id"], first["body"]["data"]["status"]) == (one, "canceled")
    assert (second["status"], second["body"]["error"]["code"]) == (400, "VALIDATION_ERROR")


@needs_node
def test_node_cancels_a_payout_intent(sandbox: SandboxProcess) -> None:
    """With a reason beyond ASCII, which comes back when it is read."""
    one = sandbox.make("payout-intents", "requires_approval")

    said = json.loads(client("node", "payout_intents.mjs", sandbox.url, one, "zweimal — ダブル"))

    assert said["cancelled"]["status"] == 202
    assert said["read"]["body"] == said["cancelled"]["body"]
    assert said["read"]["body"]["failure_message"] == "zweimal — ダブル"


@needs_curl
def test_curl_cancels_a_withdraw(sandbox: SandboxProcess) -> None:
    """Signed by openssl."""
    one = sandbox.make("withdraws", "pending")

    status, body = spoken(client("./withdraws.sh", sandbox.url, one))

    assert (status, body["success"], body["data"]["status"]) == (200, True, "canceled")
    assert spoken(client("./withdraws.sh", sandbox.url, one))[0] == 400


@needs_curl
def test_curl_cancels_a_payout_intent(sandbox: SandboxProcess) -> None:
    """And may not without the secret."""
    one = sandbox.make("payout-intents", "requires_approval")

    assert spoken(client("./payout_intents.sh", sandbox.url, one, "x", secret="another"))[0] == 401
    status, body = spoken(client("./payout_intents.sh", sandbox.url, one, "twice"))

    assert (status, body["status"], body["failure_message"]) == (202, "cancelled", "twice")
