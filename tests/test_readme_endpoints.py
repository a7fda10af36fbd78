"""The endpoints that the README shows do what it says of provider-state messages."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.support import ROOT

README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    """The one block of code in that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


class Database:
    """The database that the README's endpoint is given, which records its queries."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def create(self, *what: Any) -> Any:
        self.asked.append(what)
        return SimpleNamespace(id="po_1", amount="100")

    def delete(self, one: str) -> None:
        self.asked.append((one,))


def test_the_one_for_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners, the other environment, a state that can't be made, teardown."""
    monkeypatch.setenv("TEST_MERCHANT", "m1")
    monkeypatch.setenv("OTHER_MERCHANT", "m2")
    namespace: dict[str, Any] = {}
    exec(block("python"), namespace)
    assert len(block("python").splitlines()) <= 40
    database, app = Database(), FastAPI()
    app.include_router(namespace["provider_states"](database))

    async def posted(message: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://states") as client:
            return await client.post("/_states", json=message)

    def sent(action: str, **params: str) -> Any:
        return asyncio.run(posted({"action": action, "state": "a payout", "params": params}))

    assert sent("setup", status="paid").json() == {"id": "po_1", "amount": "100"}
    sent("setup", status="paid", owner="other_merchant")
    sent("setup", status="paid", environment="other")
    assert sent("setup", status="flying").status_code == 422
    assert sent("teardown", status="paid", id="po_1").status_code == 200
    assert database.asked == [
        ("m1", "test", "paid", None),
        ("m2", "test", "paid", None),
        ("m1", "live", "paid", None),
        ("po_1",),
    ]


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_one_for_express_is_javascript(tmp_path: Path) -> None:
    (tmp_path / "states.mjs").write_text(block("js"))
    assert len(block("js").splitlines()) <= 32
    done = subprocess.run(["node", "--check", str(tmp_path / "states.mjs")], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
