"""Helpers that the tests of the core share: a sandbox in another process, profiles for it, raw sockets, the command."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from conformance.demo import variable
from conformance.sandbox import CREDENTIALS
from tests import commands

ROOT = Path(__file__).resolve().parents[1]
CREDENTIAL_ENV = {
    variable(api, owner, item): value
    for api, owners in CREDENTIALS.items()
    for owner, pair in owners.items()
    for item, value in pair.items()
}
TERMINAL = 'terminal = ["cancelled", "paid", "failed"]'
READ_PATH = 'read_path = "/api/v1/withdraws/{id}"'
PATIENCE_S = 600.0
"""When a test gives up on what has to happen at some time. No test may fail because a machine is slow or busy."""


def eventually(holds: Callable[[], Any], *, what: str = "") -> Any:
    """Returns the result of `holds` once it is true; fails where it never is."""
    ends = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < ends, f"never came true: {what or holds}"
        time.sleep(0.005)
    return found


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: ours, the sandbox's credentials, this checkout, no colours asked for."""
    left_out = ("PYTEST", "COV_", "NO_COLOR", "SANDBOX_", "GITHUB_", "GITLAB_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    return {**kept, **CREDENTIAL_ENV, "PYTHONPATH": str(ROOT), **more}


def command(
    *words: str | Path, cwd: Path, env: dict[str, str] | None = None, timeout: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Runs `payout-conformance` to its end in a process of its own, and keeps what it said; see `tests.commands`."""
    env = environment() if env is None else env
    with tempfile.TemporaryDirectory() as folder:
        out, err = (Path(folder) / name for name in ("stdout", "stderr"))
        said = [*map(str, words)]
        code = commands.shared(os.getpid()).run(said, cwd, env, (str(out), str(err)), timeout)
        # A carriage return stays what it is: reading a file as text would make a line feed of it.
        return subprocess.CompletedProcess(said, code, *(one.read_bytes().decode() for one in (out, err)))


def launched(
    *words: str | Path, cwd: Path, env: dict[str, str] | None = None, timeout: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, however that is, and keeps what it said; `environment` unless told otherwise."""
    return subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env=environment() if env is None else env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def credentials(api: str, owners: Iterator[str] | tuple[str, ...] | None = None) -> str:
    """The credential tables of a profile, as references."""
    return "\n".join(
        f"[credentials.{owner}]\n"
        + "".join(f'{item} = "${{{variable(api, owner, item)}}}"\n' for item in pair)
        # The sandbox has no money, whichever environment: everything may be sent there.
        + ('environment = "test"\n' if owner == "other_environment" else "")
        for owner, pair in CREDENTIALS[api].items()
        if owners is None or owner in owners
    )


def write_profile(
    folder: Path,
    api: str,
    url: str,
    *,
    states: str = "sandbox = true",
    owners: tuple[str, ...] | None = None,
    capabilities: str = "cancel_processing = true\nsettlement = true",
    limits: str = "",
    name: str = "Acme",
    environment: str = "test",
) -> Path:
    """A profile of the target at `url`; `states` and the others are the TOML below their headers."""
    path = folder / f"{api}.toml"
    if "watch_s" not in limits:
        limits = f"watch_s = 0\n{limits}"
    if api == "payout-intents":
        capabilities = capabilities.replace("cancel_processing = true\n", "")
    path.write_text(
        f'[target]\nname = "{name}"\napi = "{api}"\nbase_url = "{url}"\nenvironment = "{environment}"\n\n'
        f"{credentials(api, owners)}\n[capabilities]\n{capabilities}\n\n[limits]\n{limits}\n\n[states]\n{states}\n",
        encoding="utf-8",
    )
    return path


class SandboxProcess:
    """`payout-conformance sandbox --port 0`, its URL read from what it prints."""

    def __init__(self, *defects: str) -> None:
        flags = [word for defect in defects for word in ("--defect", defect)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "conformance", "sandbox", "--port", "0", *flags],
            env=environment(),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", self.process.stdout.readline())
        assert found, "the sandbox didn't start"
        self.url = found[0]
        # Nobody reads on: a full pipe must not stop it.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def post(self, path: str, message: dict[str, Any]) -> dict[str, Any]:
        """Posts JSON to the sandbox's own endpoints."""
        request = urllib.request.Request(
            self.url + path, json.dumps(message).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=PATIENCE_S
        ) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def make(self, api: str, status: str, **params: Any) -> str:
        """Sets up a resource, and returns its id."""
        made = self.post(
            "/_states", {"action": "setup", "params": {"contract": api, "status": status, **params}}
        )
        return str(made["id"])

    def bend(self, *defects: str, **variants: Any) -> None:
        """Switches these defects and variants on and all others off, over a fresh world."""
        self.post("/_control", {"defects": list(defects), "variants": variants, "reset": True})

    def close(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        if self.process.stdout is not None:
            with suppress(ValueError, OSError):
                self.process.stdout.close()


Handler = Callable[[socket.socket, bytes], None]


class Listener:
    """Accepts connections on a port of loopback, each on a thread of its own. `connections` counts them from 1.

    What is done with one is `treat`'s to say; sockets that it adds to `_open` are hung up on in the end.
    `over` is set then, for whoever does something until nobody needs it any more.
    """

    def __init__(self, scheme: str = "http") -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.over = threading.Event()
        self._open: list[socket.socket] = []
        self._busy: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def treat(self, connection: int) -> Callable[[socket.socket], None]:
        """Handles the nth connection; called in their order, before the next is accepted."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(peer)
            thread = threading.Thread(target=self.treat(self.connections), args=(peer,), daemon=True)
            self._busy.append(thread)
            thread.start()

    def hung_up(self, connections: int) -> None:
        """Waits until so many connections have come and been closed by this side."""
        eventually(lambda: len(self._busy) >= connections and not any(one.is_alive() for one in self._busy))

    def close(self) -> None:
        """Stops listening and hangs up on everybody."""
        self.over.set()
        with suppress(OSError):
            # Wakes whoever waits in accept, who would take one more.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._open:
            with suppress(OSError):
                peer.close()


class RawServer(Listener):
    """A server on a real socket that does just what a test tells it, once per request; keeps what it got.

    `answer` gets the connection and one request as bytes (head and body); the connection is closed when it
    returns, unless `keep` is true: then the next request on it is read.
    """

    def __init__(self, answer: Handler, *, keep: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._keep, self._tls = answer, keep, tls
        super().__init__("https" if tls else "http")

    def treat(self, connection: int) -> Callable[[socket.socket], None]:
        del connection
        return self._serve

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            if self._tls is not None:
                peer = self._secured(peer)
            while True:
                request = read_request(peer)
                if not request:
                    return
                self.requests.append(request)
                self._answer(peer, request)
                if not self._keep:
                    with suppress(OSError):
                        peer.shutdown(socket.SHUT_RDWR)
                    return

    def _secured(self, peer: socket.socket) -> socket.socket:
        assert self._tls is not None
        secured = self._tls.wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
        self._open.append(secured)
        secured.do_handshake()
        return secured


def read_request(peer: socket.socket) -> bytes:
    """A request's head and the body that it announces, or less where its sender disconnects; chunks as they came."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?im)^content-length: *(\d+)", head)
    chunked = re.search(rb"(?im)^transfer-encoding: *chunked", head) is not None
    while not body.endswith(b"0\r\n\r\n") if chunked else len(body) < int(found[1] if found else 0):
        more = peer.recv(65536)
        if not more:
            break
        body += more
    return head + b"\r\n\r\n" + body


def handed_on(url: str, request: bytes) -> bytes:
    """The answer of the server at `url` to these bytes, over a connection of their own."""
    head, _, body = request.partition(b"\r\n\r\n")
    where = ("127.0.0.1", int(url.rpartition(":")[2]))
    with socket.create_connection(where, timeout=PATIENCE_S) as other:
        other.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
        return b"".join(iter(lambda: other.recv(65536), b""))


@contextmanager
def serving(answer: Handler, *, keep: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """A RawServer for the length of a with block."""
    server = RawServer(answer, keep=keep, tls=tls)
    try:
        yield server
    finally:
        server.close()


def reply_with(
    body: bytes = b"{}", status: str = "200 OK", headers: str = "Content-Type: application/json"
) -> bytes:
    """The bytes of a plain answer."""
    lines = f"HTTP/1.1 {status}\r\n{headers}\r\n" if headers else f"HTTP/1.1 {status}\r\n"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def always(answer: bytes) -> Handler:
    """A handler that sends the same bytes to everybody."""

    def send(peer: socket.socket, _: bytes) -> None:
        peer.sendall(answer)

    return send


def certify(
    profile: Path, *words: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the profile without fuzzing, in its own folder."""
    return command("run", profile, "--no-fuzz", *words, cwd=profile.parent, env=env)


def record(folder: Path) -> dict[str, Any]:
    """The record of the latest run below `folder`."""
    found: dict[str, Any] = json.loads((folder / "reports" / "latest" / "run.json").read_text())
    return found


def outcomes(folder: Path) -> dict[str, str]:
    """Requirement -> outcome of the latest run."""
    return {requirement["id"]: requirement["outcome"] for requirement in record(folder)["requirements"]}
