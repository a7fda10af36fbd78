"""Starts the honest servers, each as a process of its own, and tells what a machine lacks for one."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.report.browser import needed
from tests.support import PATIENCE_S

HERE = Path(__file__).parent
NPM = HERE / "npm" / "node_modules" / ".package-lock.json"
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


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is started, and what has to be there: `lacks` is what is missed without `programs` or `files`."""

    command: Sequence[str]
    lacks: str = ""
    programs: Sequence[str] = ()
    files: Sequence[Path] = ()
    environment: dict[str, str] = field(default_factory=dict)
    balanced: bool = False

    def require(self) -> None:
        """Skips where something is missing, except where all tests are to run: there it fails."""
        found = all(map(shutil.which, self.programs)) and all(file.exists() for file in self.files)
        needed(found, f"{self.lacks} is not installed")


def python(script: str) -> Server:
    """One made of what PyPI has: the lock file brings it."""
    return Server(command=(sys.executable, script))


def node(script: str) -> Server:
    """One made of what the npm registry has: `make test` brings it where npm is."""
    return Server(("node", script), "what tests/outside/npm asks for", ("node",), (NPM,))


SINATRA = Server(
    command=("ruby", "debian/sinatra.rb"),
    lacks="Debian's ruby-sinatra or puma",
    programs=("ruby", "puma"),
    files=(Path("/usr/share/doc/ruby-sinatra"),),
)
SLIM = Server(
    command=("php", "-S", "127.0.0.1:0", "-t", "debian/slim"),
    lacks="Debian's php-cli, php-sqlite3 or php-slim (version 3)",
    programs=("php",),
    # Slim 4 has no request of its own.
    files=(Path("/usr/share/php/Slim/Http/Request.php"), Path("/usr/share/doc/php-sqlite3")),
    environment={"PHP_CLI_SERVER_WORKERS": "4"},
)
MOJOLICIOUS = Server(
    command=("perl", "debian/mojolicious.pl"),
    lacks="Debian's libmojolicious-perl or haproxy",
    programs=("perl", "mojo", "haproxy"),
    balanced=True,
)
SERVERS = {
    "flask": python("flask_app.py"),
    "node": Server(("node", "node_server.mjs"), "node", ("node",)),
    "fastapi": python("pypi/fastapi_shop.py"),
    "drf": python("pypi/drf_server.py"),
    "flask-httpauth": python("pypi/httpauth_shop.py"),
    "hapi": node("npm/hapi.mjs"),
    "express": node("npm/express.mjs"),
    "fastify": node("npm/fastify.mjs"),
    "sinatra": SINATRA,
    "slim": SLIM,
    "mojolicious-haproxy": MOJOLICIOUS,
}


def plain_environment(**more: str) -> dict[str, str]:
    """Ours without what pytest or a terminal put into it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV_", "FORCE_COLOR"))}
    return {**kept, **more}


@contextmanager
def served(name: str) -> Iterator[str]:
    """The server as a process, with a balancer before it where it has one; the address to ask."""
    server = SERVERS[name]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.txt"
        with running(server, output, OUTSIDE_DATABASE=f"{folder}/shop.db") as process:
            url = address(process, output)
            if not server.balanced:
                yield url
                return
            with balanced(url, Path(folder) / "balancer.txt") as front:
                yield front


@contextmanager
def running(server: Server, output: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server's processes, which end with it."""
    with output.open("wb") as sink:
        process = subprocess.Popen(
            server.command,
            cwd=HERE,
            env=plain_environment(OUTSIDE_ACCOUNTS=json.dumps(ACCOUNTS), **server.environment, **environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # Some have workers of their own: the whole session ends.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)


def address(process: subprocess.Popen[bytes], output: Path) -> str:
    """The address that the server prints when it listens."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        said = output.read_text(errors="replace")
        if found := re.search(r"http://127\.0\.0\.1:\d+(?=\D)", said):
            return found[0]
        assert process.poll() is None, f"The server ended: {said[-2000:]}"
        time.sleep(0.02)
    raise AssertionError(f"The server didn't tell its address: {output.read_text(errors='replace')[-2000:]}")


@contextmanager
def balanced(url: str, output: Path) -> Iterator[str]:
    """HAProxy before a server. It inherits a socket that listens already, so that nobody has to wait for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        file = listener.fileno()
        where = {"OUTSIDE_LISTENER": str(file), "OUTSIDE_BACKEND": url.removeprefix("http://")}
        with output.open("wb") as sink:
            process = subprocess.Popen(
                ["haproxy", "-db", "-f", HERE / "debian" / "haproxy.cfg"],
                env=plain_environment(**where),
                pass_fds=[file],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            assert process.poll() is None, f"HAProxy ended: {output.read_text(errors='replace')[-2000:]}"
        finally:
            process.kill()
            process.wait(PATIENCE_S)
