"""A whole run beside a live environment: its credentials send reads, and nothing else."""

import base64
import re
import socket
from pathlib import Path

import pytest

from conformance.sandbox import CREDENTIALS
from tests.support import (
    TERMINAL,
    SandboxProcess,
    command,
    outcomes,
    record,
    serving,
    write_profile,
)

_PAIR = CREDENTIALS["payout-intents"]["other_environment"]
LIVE = base64.b64encode(f"{_PAIR['public_key']}:{_PAIR['secret_key']}".encode())


class Witness:
    """A way to the target that writes down the first line of each request that has the live pair in it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.seen: list[str] = []

    def pass_on(self, peer: socket.socket, request: bytes) -> None:
        """Passes one request on, and records its answer."""
        if LIVE in request:
            self.seen.append(request.partition(b"\r\n")[0].decode("latin-1"))
        head, _, body = request.partition(b"\r\n\r\n")
        head = re.sub(rb"(?im)^connection:.*\r\n", b"", head)
        with socket.create_connection(("127.0.0.1", self._port)) as target:
            target.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            while data := target.recv(65536):
                peer.sendall(data)


@pytest.fixture
def witness(sandbox: SandboxProcess) -> Witness:
    """Before the sandbox."""
    sandbox.bend()
    return Witness(int(sandbox.url.rpartition(":")[2]))


def live_profile(folder: Path, url: str, sandbox: SandboxProcess) -> Path:
    """Says nothing of the other environment, so it counts as live."""
    path = write_profile(
        folder, "payout-intents", url, states=f'url = "{sandbox.url}/_states"\n{TERMINAL}', capabilities=""
    )
    head, mark, tail = path.read_text().partition("[credentials.other_environment]")
    path.write_text(head + mark + tail.replace('environment = "test"\n', "", 1))
    return path


def test_nothing_but_reads_is_sent_with_live_credentials(
    sandbox: SandboxProcess, witness: Witness, tmp_path: Path
) -> None:
    """Checks that need more are not testable, and say so; reads of the other environment are judged."""
    with serving(witness.pass_on) as server:
        path = live_profile(tmp_path, server.url, sandbox)
        words = ("-k", "environment or fuzz", "--fuzz-examples", "10", "-n", "2")
        done = command("run", path, *words, cwd=tmp_path)

    assert done.returncode == 3, done.stdout + done.stderr
    assert witness.seen
    assert [line for line in witness.seen if not line.startswith("GET ") or "/cancel" in line] == []
    found = outcomes(tmp_path)
    assert "failed" not in found.values()
    said = {check["message"] for check in record(tmp_path)["checks"] if check["outcome"] == "not_testable"}
    assert said
    assert all("[credentials.other_environment] are live" in one for one in said)
    assert "passed" in {
        check["outcome"] for check in record(tmp_path)["checks"] if check["requirements"] == ["PI-12"]
    }
