"""The HMAC vectors: known answers that openssl, Node and Python all agree on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
DOCUMENT: dict[str, Any] = json.loads(
    (HERE.parents[1] / "specs/formats/hmac-vectors.json").read_text("utf-8")
)
VECTORS: list[dict[str, str]] = DOCUMENT["vectors"]


def signed_by(command: list[str]) -> list[str]:
    """The signatures of all vectors by an independent tool."""
    lines = "".join(
        f"{v['secret'].encode().hex()} {v['timestamp']} {v['body_base64'] or '-'}\n" for v in VECTORS
    )
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=600)
    return done.stdout.splitlines()


def test_openssl_computes_the_same() -> None:
    """One of the two tools that the file was made with."""
    assert shutil.which("openssl"), (
        "openssl is needed: without it the vectors would be checked by Python alone"
    )

    assert signed_by(["sh", str(HERE / "vectors_openssl.sh")]) == [v["signature"] for v in VECTORS]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_computes_the_same() -> None:
    """The other tool that the file was made with, and the language of the source document's example."""
    assert signed_by(["node", str(HERE / "vectors_node.mjs")]) == [v["signature"] for v in VECTORS]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_python_computes_the_same(vector: dict[str, str]) -> None:
    """The standard library, on the bytes of the base64 body."""
    text = vector["timestamp"].encode() + b"." + base64.b64decode(vector["body_base64"], validate=True)

    digest = hmac.new(vector["secret"].encode(), text, hashlib.sha256).hexdigest()

    assert vector["signature"] == f"sha256={digest}"


def test_a_body_given_as_text_is_the_body() -> None:
    """Where there is a body_text, its UTF-8 bytes are those of body_base64."""
    given = [v for v in VECTORS if "body_text" in v]

    assert len(given) > 20
    assert all(v["body_text"].encode() == base64.b64decode(v["body_base64"]) for v in given)


def test_no_vector_stands_twice() -> None:
    """Names, inputs and signatures are each unique, so no vector is redundant."""
    assert len(VECTORS) >= 24
    for key in ("name", "signature"):
        assert len({v[key] for v in VECTORS}) == len(VECTORS)


def test_the_hard_cases_are_among_them() -> None:
    """The vectors include an empty body, bytes that aren't text, long bodies and long keys."""
    bodies = [base64.b64decode(v["body_base64"]) for v in VECTORS]
    secrets = [v["secret"].encode() for v in VECTORS]

    assert b"" in bodies
    assert any(b"\xff" in b for b in bodies)
    assert any(b.endswith(b"\n") for b in bodies)
    assert any(len(b) >= 10_000 for b in bodies)
    assert {63, 64, 65} <= {len(s) for s in secrets}
    assert any(b"$" in s for s in secrets)
    assert any(not s.isascii() for s in secrets)


def test_the_file_says_what_made_it() -> None:
    """Two tools with versions, neither of them Python."""
    assert [made["tool"] for made in DOCUMENT["computed_by"]] == ["openssl", "node:crypto"]
    assert all(made["version"] for made in DOCUMENT["computed_by"])
