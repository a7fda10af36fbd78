"""`new-contract`: what it writes is clean and can be run; one of its checks passes, the other fails."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import ROOT, command, environment, launched, record, reply_with, serving

SCHEMES = {
    "basic": ({"type": "http", "scheme": "basic"}, ("user_name", "password"), "authorization: basic"),
    "bearer": ({"type": "http", "scheme": "bearer"}, ("token",), "authorization: bearer s3cret-token"),
    "key": (
        {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        ("key",),
        "x-api-key: s3cret-key",
    ),
}


def document(scheme: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI file with a cancel, a read and an operation that is neither."""
    answer = {"description": "As it is."}
    shared = [{"$ref": "#/components/parameters/Payout"}]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Acme", "version": "1"},
        "security": [{"caller": []}],
        "paths": {
            "/v2/payouts": {"post": {"operationId": "create", "responses": {"201": answer}}},
            "/v2/payouts/{payout}": {
                "parameters": shared,
                "get": {"operationId": "show", "responses": {"200": answer, "404": answer}},
                "delete": {"operationId": "remove", "responses": {"204": answer}},
            },
            "/v2/payouts/{payout}/cancel": {
                "parameters": shared,
                "post": {"responses": {"202": answer, "401": answer, "404": answer, "422": answer}},
            },
        },
        "components": {
            "securitySchemes": {"caller": scheme},
            "parameters": {
                "Payout": {
                    "name": "payout",
                    "in": "path",
                    "required": True,
                    "schema": {"$ref": "#/components/schemas/Id"},
                }
            },
            "schemas": {"Id": {"type": "string"}, "Unused": {"type": "object"}},
        },
    }


@pytest.fixture
def scaffolded(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a package for a security scheme; returns its folder."""

    def make(scheme: str) -> Path:
        (tmp_path / "acme.json").write_text(json.dumps(document(SCHEMES[scheme][0])))
        done = command("new-contract", "acme-payouts", "--openapi", "acme.json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Next: read acme-payouts/README.md." in done.stdout
        return tmp_path / "acme-payouts"

    return make


@pytest.mark.parametrize("scheme", SCHEMES)
def test_its_checks_run_and_one_of_them_fails(
    scaffolded: Callable[[str], Path], tmp_path: Path, scheme: str
) -> None:
    folder = scaffolded(scheme)
    fields = SCHEMES[scheme][1]
    not_found = reply_with(b'{"error": {"code": "not_found", "message": "No such payout"}}', "404 Not Found")
    with serving(lambda peer, _: peer.sendall(not_found)) as server:
        credentials = "".join(f'{field} = "${{ACME_{field.upper()}}}"\n' for field in fields)
        (tmp_path / "acme.toml").write_text(
            f'[target]\nname = "Acme"\napi = "acme-payouts"\nbase_url = "{server.url}"\nenvironment = "test"\n'
            f"[credentials.primary]\n{credentials}[limits]\nwatch_s = 0\n"
        )
        fuzzing = ("--fuzz-examples", "2") if scheme == "basic" else ("--no-fuzz",)
        done = command(
            *("run", "acme.toml", "--contract", folder / "acme_payouts", "--insist", *fuzzing),
            cwd=tmp_path,
            env=with_secrets(*fields),
        )

    assert done.returncode == 1, done.stdout + done.stderr
    outcomes = {requirement["id"]: requirement["outcome"] for requirement in record(tmp_path)["requirements"]}
    assert outcomes == {"AP-01": "passed", "AP-02": "failed"}
    fuzzed = {one["id"] for one in record(tmp_path)["checks"] if one["id"].startswith("fuzz::")}
    assert fuzzed == (
        {"fuzz::show.status.unknown", "fuzz::cancel.status.unknown"} if scheme == "basic" else set()
    )
    cancels = [
        one.decode("latin-1").lower() for one in server.requests if one.startswith(b"POST /v2/payouts/")
    ]
    assert sum(SCHEMES[scheme][2] in one for one in cancels) >= 2


def with_secrets(*fields: str) -> dict[str, str]:
    return environment(**{f"ACME_{field.upper()}": f"s3cret-{field}" for field in fields})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_it_writes_is_clean(scaffolded: Callable[[str], Path], scheme: str) -> None:
    folder = scaffolded(scheme)
    tools = Path(sys.executable).parent
    settings = ("--config", ROOT / "pyproject.toml", "--no-cache")

    for words in (
        (tools / "ruff", "check", *settings, "."),
        (tools / "ruff", "format", "--check", *settings, "."),
        (tools / "mypy", "--strict", "--cache-dir", folder / ".mypy_cache", "acme_payouts"),
    ):
        done = launched(*words, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_two_operations_are_kept(scaffolded: Callable[[str], Path]) -> None:
    """Fuzzing sends whatever a contract's document has: no operation that creates or removes may be there."""
    kept = yaml.safe_load((scaffolded("basic") / "acme_payouts" / "specs" / "openapi.yaml").read_text())

    methods = {path: set(item) - {"parameters"} for path, item in kept["paths"].items()}
    assert methods == {"/v2/payouts/{payout}": {"get"}, "/v2/payouts/{payout}/cancel": {"post"}}
    assert kept["paths"]["/v2/payouts/{payout}/cancel"]["post"]["operationId"] == "cancel"
    assert set(kept["components"]["schemas"]) == {"Id"}


@pytest.mark.parametrize(
    ("name", "paths", "said"),
    [
        ("Acme", {}, "can't be the name of an API"),
        ("acme", {"/payouts": {"post": {}}}, "--cancel: /payouts"),
        ("acme", {"/a/{id}/cancel": {"post": {}}, "/b/{id}/cancel": {"post": {}}}, "several operations"),
    ],
)
def test_what_it_cannot_use_is_told(tmp_path: Path, name: str, paths: dict[str, Any], said: str) -> None:
    described = {**document(SCHEMES["basic"][0]), **({"paths": paths} if paths else {})}
    (tmp_path / "acme.json").write_text(json.dumps(described))

    done = command("new-contract", name, "--openapi", "acme.json", cwd=tmp_path)

    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_there_is_left_alone(scaffolded: Callable[[str], Path], tmp_path: Path) -> None:
    readme = scaffolded("basic") / "README.md"
    readme.write_text("mine")

    done = command("new-contract", "acme-payouts", "--openapi", "acme.json", cwd=tmp_path)

    assert done.returncode == 2
    assert readme.read_text() == "mine"
