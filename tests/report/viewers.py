"""Programs that people look at reports with: the real Allure 3, and a server for what it makes."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support import PATIENCE_S, ROOT

from .browser import needed

ALLURE = ROOT / "tests" / "web" / "node_modules" / ".bin" / "allure"


def allure_generate(folder: Path) -> Path:
    """Runs `allure generate` as people do in a run's folder; returns the folder of the report."""
    needed(shutil.which("node") and ALLURE.exists(), "Allure is not installed (npm ci --prefix tests/web)")
    done = subprocess.run(
        [str(ALLURE), "generate"], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error" not in done.stderr.lower(), done.stderr
    return folder / "allure-report"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a server on loopback of the files in `folder`."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, directory=str(folder), **more)

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
