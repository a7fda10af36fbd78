"""The first profile: whatever is answered, what is written can be loaded; nothing that was there is lost."""

import itertools
import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.catalogue import specs_dir
from conformance.cli import main
from conformance.errors import UsageError
from conformance.init import Answers, Source, environment, profile, read, shortened, write
from conformance.init.answers import Create
from conformance.profile import load
from tests.support import PATIENCE_S, ROOT
from tests.support import environment as command_environment

SOURCES = {
    Source.URL: {"states_url": "https://states.acme.test/_states?token=${STATE_TOKEN}"},
    Source.COMMAND: {"command": ("./make-payout", "{status}", 'with "quotes" and \\')},
    Source.IDS: {},
    Source.REQUESTS: {
        "create": Create(
            "/created",
            {"amount": "1", "of": {"it's": [True, 2.5, None, "\\"]}},
            magic={"paid": {"amount": "7"}},
            steps={"processing": (("POST", "/sandbox/{id}/go"),)},
        ),
        "headers": (("X-Gateway", "${GATEWAY}"),),
    },
    Source.SANDBOX: {},
}


def set_(text: str) -> dict[str, str]:
    """An environment with every variable that a file of them names."""
    return {name: f"value-of-{name}" for name in re.findall(r"(?m)^([A-Z0-9_]+)=$", text)}


def combinations() -> list[Answers]:
    """Every combination of API, source, credentials and capability."""
    found = []
    for api, source, merchant, other, settles in itertools.product(
        ("withdraws", "payout-intents"), Source, (True, False), (True, False), (True, False)
    ):
        more = (
            [
                {"read_path": path, "capabilities": {"cancel_processing": can}}
                for path in (None, "/w/{id}")
                for can in (None, True, False)
            ]
            if api == "withdraws"
            else [
                {"terminal": terminal, "listen": listen, "public_url": url}
                for terminal in (("cancelled",), ("cancelled", "paid out", "failed-by-bank"))
                for listen, url in (
                    (None, None),
                    ("0.0.0.0:8099", "https://hooks.test/x"),
                    ("127.0.0.1:0", None),
                )
            ]
        )
        found += [
            Answers(
                name='Ümlaut "& Söhne" \\ 7',
                api=api, base_url="https://acme.test/v2", source=source,
                environment="live" if merchant else "test",
                other_merchant=merchant, other_environment=other, settlement=settles,
                requests_per_second=None if settles else 12.5, **SOURCES[source], **one,
            )
            for one in more
        ]  # fmt: skip
    return found


def test_every_combination_of_answers_can_be_loaded(tmp_path: Path) -> None:
    """Every combination of answers gives a profile that loads with its variables set, and holds every answer."""
    path = tmp_path / "acme.toml"
    every = combinations()
    for one in every:
        path.write_text(profile(one), encoding="utf-8")
        named = set_(environment(one, path.name))
        loaded = load(path, {**named, "STATE_TOKEN": "t"}, allow_live=True)

        assert (loaded.target.name, loaded.target.api, loaded.target.base_url) == (
            one.name,
            one.api,
            one.base_url,
        )
        assert loaded.target.environment == one.environment
        assert tuple(loaded.credentials) == one.owners
        assert set(loaded.target.env.values()) == set(named) - {"GATEWAY"}
        assert loaded.states.url == (one.states_url.replace("${STATE_TOKEN}", "t") or None)
        assert loaded.states.command == (one.command or None)
        assert (loaded.states.ids is not None) == (one.source is Source.IDS)
        assert (loaded.states.requests is not None) == (one.source is Source.REQUESTS)
        assert bool(loaded.headers) == (one.source is Source.REQUESTS)
        assert loaded.states.sandbox == (one.source is Source.SANDBOX)
        assert loaded.states.read_path == one.read_path
        assert loaded.capabilities["settlement"] is one.settlement
        assert loaded.limits.requests_per_second == one.requests_per_second
        if one.api == "payout-intents":
            assert loaded.states.terminal == one.terminal
            assert (loaded.listen, loaded.public_url) == (one.listen, one.public_url)
            assert loaded.capabilities["webhooks"] is bool(one.listen)
        else:
            assert loaded.capabilities["cancel_processing"] is one.capabilities["cancel_processing"]
    assert len(every) == 480


def test_a_profile_is_explained_and_holds_no_value(tmp_path: Path) -> None:
    """Comments in every table; the schema for editors agrees; the other file has names only, and is private."""
    import jsonschema

    written = write(combinations()[0], tmp_path / "acme.toml")
    text = written.profile.read_text()
    schema = json.loads((specs_dir() / "formats" / "profile.schema.json").read_text())

    jsonschema.validate(tomllib.loads(text), schema)
    assert text.count("#") >= 10
    lines = [line for line in written.variables.read_text().splitlines() if line and line[0] != "#"]
    assert lines
    assert all(line.endswith("=") for line in lines)
    assert stat.S_IMODE(written.variables.stat().st_mode) == 0o600


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    """Existing files are kept without --force; with it, values of variables stay, and missing names are added."""
    first, *_, last = combinations()
    path = tmp_path / "acme.toml"
    written = write(first, path)
    written.variables.write_text("export T_MINE='kept'\n")
    before = path.read_text()
    with pytest.raises(UsageError, match="is there already"):
        write(last, path)
    assert path.read_text() == before

    again = write(last, path, force=True)
    assert again.kept
    assert path.read_text() != before
    assert again.variables.read_text().startswith("export T_MINE='kept'\n")
    assert again.variables.read_text().count("_PUBLIC_KEY=\n") == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["acme.env", "acme.toml"]


# -- an OpenAPI file -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["withdraws", "payout_intents"])
def test_our_own_documents_are_read(api: str) -> None:
    """API and server."""
    [found] = read(specs_dir() / api / "openapi.yaml")
    assert found.api == api.replace("_", "-")
    assert found.base_url is not None
    assert found.base_url.startswith("https://")


@pytest.mark.parametrize(
    ("document", "base_url", "read_path"),
    [
        ({"openapi": "3.0.3", "servers": [{"url": "https://a.test/"}],
          "paths": {"/api/v1/withdraws/{id}/cancel": {"post": {}}}}, "https://a.test", None),
        ({"openapi": "3.1.0", "servers": [{"url": "https://{region}.a.test:8443/pay",
                                           "variables": {"region": {"default": "eu"}}}],
          "paths": {"/api/v1/withdraws/{withdraw_id}/cancel": {"post": {}},
                    "/api/v1/withdraws/{withdraw_id}": {"get": {}}}},
         "https://eu.a.test:8443/pay", "/api/v1/withdraws/{id}"),
        ({"openapi": "3.0.0", "servers": [{"url": "https://a.test/api/v1"}],
          "paths": {"/withdraws/{x}/cancel": {"post": {}}, "/withdraws/{x}": {"get": {}}}},
         "https://a.test", "/api/v1/withdraws/{id}"),
        ({"openapi": "3.0.0", "servers": [{"url": "https://a.test"}],
          "paths": {"/gw/api/v1/withdraws/{x}/cancel": {"post": {}}}}, "https://a.test/gw", None),
        ({"swagger": "2.0", "host": "a.test", "basePath": "/v2", "schemes": ["http", "https"],
          "paths": {"/api/v1/withdraws/{id}/cancel": {"post": {}}}}, "https://a.test/v2", None),
        ({"openapi": "3.0.0", "servers": [{"url": "/v3"}],
          "paths": {"/api/v1/withdraws/{id}/cancel": {"post": {}}}}, None, None),
        ({"openapi": "3.0.0", "paths": {"/api/v1/withdraws/{id}/cancel": {"post": {}}}}, None, None),
    ],
)  # fmt: skip
def test_other_documents_are_read(
    tmp_path: Path, document: dict[str, object], base_url: str | None, read_path: str | None
) -> None:
    """Documents with other prefixes and parameter names are read; one without a host gives no base URL."""
    path = tmp_path / "api.json"
    path.write_text(json.dumps(document))
    [found] = read(path)
    assert (found.api, found.base_url, found.read_path) == ("withdraws", base_url, read_path)


def test_the_address_of_an_operation_is_cut_to_the_base_url() -> None:
    """People paste what they have."""
    assert shortened("https://a.test/v2/api/v1/withdraws/1/cancel") == "https://a.test/v2"
    assert shortened("https://a.test/payout_intents") == "https://a.test"
    assert shortened("https://a.test/v2/") == "https://a.test/v2"


# -- the command -----------------------------------------------------------------------------------------------

PLAIN = ("--api", "withdraws", "--base-url", "https://acme.test", "--states-ids")


def invoked(*words: str) -> Result:
    """`init` without a terminal."""
    return CliRunner().invoke(main, ["init", *words])


def test_flags_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags alone write both files, and the output says line for line what to do next."""
    monkeypatch.chdir(tmp_path)
    done = invoked(*PLAIN, "--name", "Acme Staging")

    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme-staging.env", "acme-staging.toml"]
    for step in (
        "echo acme-staging.env >> .gitignore",
        "payout-conformance plan acme-staging.toml",
        "payout-conformance doctor acme-staging.toml",
        "payout-conformance run acme-staging.toml",
    ):
        assert f"    {step}" in done.output


def test_what_is_missing_is_named_where_nobody_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, with the flags; and nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = invoked()
    assert done.exit_code == 2
    for flag in ("--base-url", "--openapi", "--api", "--states-url", "--states-command", "--states-ids"):
        assert flag in done.stderr
    assert list(tmp_path.iterdir()) == []

    done = invoked("--openapi", str(specs_dir() / "withdraws" / "openapi.yaml"))
    assert "--api" not in done.stderr
    assert "--base-url" not in done.stderr
    assert "--states-url" in done.stderr


def asked(folder: Path, answers: list[str], *words: str) -> tuple[int, str]:
    """`init` on a terminal: each answer is typed once a question stands there."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", "init", *words],
        cwd=folder, env={**command_environment(NO_COLOR="1"), "PYTHONPATH": str(ROOT)},
        stdin=child, stdout=child, stderr=child,
    )  # fmt: skip
    os.close(child)
    said, seen, left, ends = "", 0, list(answers), time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if select.select([parent], [], [], 0.1)[0]:
            try:
                said += os.read(parent, 65536).decode()
            except OSError:
                break
        if left and re.search(r"[:\]] ?$", said[seen:]) and not said.endswith("\n"):
            seen = len(said)
            os.write(parent, (left.pop(0) + "\n").encode())
    os.close(parent)
    return process.wait(PATIENCE_S), said


def test_a_terminal_is_asked(tmp_path: Path) -> None:
    """API, address (pasted with the operation's path, after a wrong one), and Enter for all the rest."""
    code, said = asked(
        tmp_path, ["withdraws", "acme.test", "https://acme.test/api/v1/withdraws", "Acme", *[""] * 8]
    )
    assert code == 0, said
    assert "it looks like https://" in said
    assert "so this will be https://acme.test" in said
    text = (tmp_path / "acme.toml").read_text()
    loaded = load(tmp_path / "acme.toml", set_((tmp_path / "acme.env").read_text()))
    assert loaded.states.url == "https://acme.test/_states"
    assert loaded.capabilities["cancel_processing"] is True
    assert "[credentials.other_merchant]" in text


def test_a_terminal_is_asked_only_for_what_is_not_known(tmp_path: Path) -> None:
    """Flags are answers; a terminal that is closed on the way leaves nothing written."""
    code, said = asked(tmp_path, ["", "test", "y", "n", "", "\x04"], "--api", "payout-intents",
                       "--base-url", "http://127.0.0.1:1", "--states-sandbox")  # fmt: skip
    assert code == 130, said
    assert "Which API" not in said
    assert "Source of payouts" not in said
    assert "interrupted" in said
    assert list(tmp_path.iterdir()) == []


CREATED = """\
openapi: 3.1.0
servers: [{url: "https://acme.test/v2"}]
paths:
  /payout_intents:
    post:
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Create"}
  /payout_intents/{id}/cancel: {post: {}}
components:
  schemas:
    Create:
      type: object
      required: [amount, merchant_reference, recipient]
      properties:
        amount: {type: string, example: "50000"}
        merchant_reference: {type: string}
        recipient: {type: object, required: [bank], properties: {bank: {enum: [CIBB, HSBC]}}}
"""


def test_the_create_of_an_openapi_file_becomes_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The create operation of an OpenAPI file becomes a recipe with its required fields and unique references."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "api.yaml").write_text(CREATED)
    done = invoked(
        "acme.toml", "--openapi", "api.yaml", "--magic", 'paid={"amount": "4001"}', "--no-other-merchant"
    )

    assert done.exit_code == 0, done.output
    text = (tmp_path / "acme.toml").read_text()
    loaded = load(tmp_path / "acme.toml", set_((tmp_path / "acme.env").read_text()))
    assert loaded.states.requests is not None
    paid = loaded.states.requests.states["paid"]
    assert paid.create.path == "/payout_intents"
    assert paid.create.fields == {
        "amount": "4001",
        "merchant_reference": "{unique}",
        "recipient": {"bank": "CIBB"},
    }
    assert paid.until is not None
    assert (paid.until.path, paid.until.pointer, paid.until.equals) == (
        "/payout_intents/{id}",
        "/status",
        "paid",
    )
    assert loaded.states.requests.states["cancelled"].cancel
    assert text.startswith("#:schema file://")
    assert json.loads(Path(text.split()[1].removeprefix("file://")).read_text())["title"] == "Profile"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--create", "/x", "--states-ids"), "exclude each other"),
        (("--create", "/x", "--create-json", "{"), "is no JSON"),
        (("--create", "/x", "--create-json", "[]"), "is no JSON object"),
        (("--create", "/x", "--magic", "paid"), "isn't NAME=VALUE"),
        (("--create", "/x", "--step", "flying=/x/{id}"), "flying"),
        (("--create", "/x", "--header", "X-Gateway"), "isn't NAME:VALUE"),
        (("--create", "/x", "--scope", "other_planet=far"), "other_planet"),
    ],
)
def test_options_of_a_create_that_make_no_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoked("--api", "withdraws", "--base-url", "https://acme.test", *words)

    assert done.exit_code == 2
    assert says in done.output
    assert not list(tmp_path.iterdir())
