"""An API with as little as a contract can have: one credential field, no sandbox, no environments, no webhooks."""

import json
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from conformance import catalogue, contracts, coverage, openapi, profile_schema
from conformance.cli import main
from conformance.contract import (
    Authentication,
    Contract,
    CurlAuthentication,
    DocumentedAnswer,
    DocumentedAnswers,
    DocumentedRequests,
    ResourceStates,
)
from conformance.doctor.examine import examine
from conformance.doctor.finding import State
from conformance.errors import HarnessError, ProfileError
from conformance.init import read, shortened
from conformance.model import Auth, Exchange, Requirement, Target
from conformance.plan.figures import readable
from conformance.plan.rehearsal import rehearse
from conformance.profile import load
from conformance.report.curl import curl
from conformance.runner import Options
from tests.support import reply_with, serving

OPENAPI = """\
openapi: 3.1.0
info: {title: Orders, version: "1"}
security: [{token: []}]
paths:
  /orders/{id}/cancel:
    post:
      operationId: cancelOrder
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: Cancelled}}
components:
  securitySchemes: {token: {type: http, scheme: bearer}}
"""
REQUIREMENT = """
[[requirement]]
id = "TN-0{number}"
level = "MUST"
basis = "doc"
group = "Cancellation"
title = "Title {number}"
statement = "It MUST hold."
section = "Cancel"
needs = {needs}
"""
PROFILE = """\
[target]
name = "Small"
api = "orders"
base_url = "http://127.0.0.1:1"
environment = "test"
[credentials.primary]
token = "${TOKEN}"
[states]
url = "http://127.0.0.1:1/_states"
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contract]:
    """The contract, beside those of the product, with specs of its own; two requirements, one of them with a check."""
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "openapi.yaml").write_text(OPENAPI)
    rows = [(1, ["new"]), (2, ["new", "other_merchant"]), (3, [])]
    (specs / "requirements.toml").write_text(
        "revision = 1\n" + "".join(REQUIREMENT.format(number=n, needs=json.dumps(needs)) for n, needs in rows)
    )
    made = Contract(
        name="orders",
        noun="order",
        package="orders.checks",
        specs=specs,
        example="/orders/...",
        authentication=Authentication(
            fields=("token",),
            headers=("Authorization",),
            summary="with a bearer token",
            authenticate=lambda credentials, body, stamp: (
                ("Authorization", f"Bearer {credentials.secret}"),
            ),
            curl=lambda names, variable, body: CurlAuthentication(),
            misreadings=lambda credentials, path, stamp, skew_ms: iter(()),
        ),
        states=ResourceStates(
            cancellable=("new",), transient=("new",), final=("void", "done"), cancelled="void"
        ),
        requests=DocumentedRequests(
            cancel="/orders/{id}/cancel",
            read=None,
            probe=("POST", "/orders/{id}/cancel"),
            probe_summary="a cancel of a random id",
        ),
        answers=DocumentedAnswers(
            ok=DocumentedAnswer(200),
            refused=DocumentedAnswer(409),
            not_found=DocumentedAnswer(404),
            unauthorized=DocumentedAnswer(401),
        ),
        unknown_id=lambda sample: ("0", False),
    )
    own = contracts.every()
    monkeypatch.setattr(contracts, "every", lambda: (*own, made))
    proofs = {"TN-01": (("cancel::one", "It holds."),), "TN-02": (("cancel::two", "It holds."),)}
    monkeypatch.setattr(coverage, "checks", lambda api: proofs)
    yield made
    catalogue.load.cache_clear()
    openapi.document.cache_clear()
    openapi.operations.cache_clear()


def written(folder: Path, text: str = PROFILE) -> Path:
    """A profile of that API."""
    path = folder / "small.toml"
    path.write_text(text)
    return path


def test_a_profile_has_the_keys_of_its_contract(small: Contract, tmp_path: Path) -> None:
    """One credential field is key and secret alike; the schema for editors agrees."""
    loaded = load(written(tmp_path), {"TOKEN": "t"})

    assert loaded.credentials["primary"].values == ("t",)
    assert loaded.target.env == {"primary.token": "TOKEN"}
    assert loaded.capabilities["settlement"] is None
    jsonschema.validate(tomllib.loads(PROFILE), profile_schema.build([small]))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[states]", '[credentials.other_environment]\ntoken = "${TOKEN2}"\n[states]', "has no environments"),
        ("[states]", '[states]\nterminal = ["done"]', "documents its terminal state names"),
        ("token =", 'api = "x"\ntoken =', "unknown key"),
        ('url = "http://127.0.0.1:1/_states"', '[states.ids]\nold = ["1"]', "unknown key"),
    ],
)
def test_a_key_that_its_contract_does_not_have_is_a_mistake(
    small: Contract, tmp_path: Path, old: str, new: str, says: str
) -> None:
    """For the profile and for the schema."""
    text = PROFILE.replace(old, new)
    assert text != PROFILE

    with pytest.raises(ProfileError, match=says):
        load(written(tmp_path, text), {"TOKEN": "t", "TOKEN2": "u"})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), profile_schema.build([small]))


def test_its_document_is_read(small: Contract) -> None:
    """Catalogue and operations come from the folder that the contract names."""
    assert [requirement.id for requirement in catalogue.load("orders").requirements] == [
        "TN-01",
        "TN-02",
        "TN-03",
    ]
    assert all(isinstance(requirement, Requirement) for requirement in catalogue.load("orders").requirements)
    assert [one.name for one in openapi.operations("orders")] == ["cancel_order"]


def test_an_openapi_file_of_a_target_is_recognized(small: Contract, tmp_path: Path) -> None:
    """By the path of the cancel; the address of an operation is cut to the base URL."""
    path = tmp_path / "target.yaml"
    path.write_text(OPENAPI.replace("paths:", "servers: [{url: https://a.test/v2}]\npaths:"))

    [found] = read(path)
    assert (found.api, found.base_url, found.read_path) == ("orders", "https://a.test/v2", None)
    assert shortened("https://a.test/v2/orders/7/cancel") == "https://a.test/v2"


def test_init_writes_a_profile_that_can_be_loaded(
    small: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own field, no capability of another API, lists of its own states."""
    monkeypatch.chdir(tmp_path)
    words = ("init", "--api", "orders", "--base-url", "https://a.test", "--states-ids", "--name", "Acme")
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    loaded = load(tmp_path / "acme.toml", {"ACME_TOKEN": "t", "ACME_OTHER_MERCHANT_TOKEN": "u"})

    assert tuple(loaded.credentials) == ("primary", "other_merchant")
    assert loaded.states.ids is not None
    assert list(loaded.states.ids["primary"]) == ["new", "void", "done"]
    text = (tmp_path / "acme.toml").read_text()
    assert not {"webhooks", "terminal", "cancel_processing", "other_environment"} & set(text.split())
    done = CliRunner().invoke(main, [*words, "--force", "--terminal", "done"])
    assert done.exit_code == 2
    assert "--terminal means nothing to orders" in done.stderr


def test_a_plan_says_that_nothing_can_be_rehearsed(small: Contract, tmp_path: Path) -> None:
    """The plan shows facts of catalogue, checks and profile; figures are left out, not guessed."""
    path = written(tmp_path)
    done = CliRunner().invoke(main, ["plan", str(path)])

    assert done.exit_code == 0, done.output
    assert "No run could be rehearsed: orders has no sandbox" in done.output
    assert "2 checks, and the fuzzing" in done.output
    assert "no more than 5000 requests" in done.output
    assert "the profile has no [credentials.other_merchant]" in done.output
    assert "no check proves it" in done.output
    assert "about" not in done.output.partition("Not testable")[0]

    done = CliRunner().invoke(main, ["plan", str(path), "--json", "--no-fuzz"])
    plan = json.loads(done.stdout)
    assert done.exit_code == 0
    assert plan["not_rehearsed"].endswith("orders has no sandbox")
    assert plan["checks"] == 2
    assert (plan["resources"], plan["seconds"], plan["requests"]["suites"]) == (None, None, None)
    assert [one["id"] for one in plan["untested"]] == plan["inconclusive"] == ["TN-02", "TN-03"]


def test_a_rehearsal_without_a_sandbox_is_refused(small: Contract, tmp_path: Path) -> None:
    """With a reason."""
    with pytest.raises(HarnessError, match="orders has no sandbox"):
        rehearse(readable(written(tmp_path)), Options(), lambda *_: None)


def bearer(peer: socket.socket, request: bytes) -> None:
    """A target that knows the token `t`, and no order."""
    known = b"Authorization: Bearer t\r\n" in request
    status = "404 Not Found" if known else "401 Unauthorized"
    peer.sendall(reply_with(b'{"error": {"message": "no"}}', status))


def test_the_doctor_examines_a_target_of_that_api(small: Contract, tmp_path: Path) -> None:
    """The probe is the contract's, states are asked for, and a table that the API doesn't have isn't missed."""
    with serving(bearer) as server:
        text = PROFILE.replace('http://127.0.0.1:1"\nenv', f'{server.url}"\nenv')
        text = text.replace('url = "http://127.0.0.1:1/_states"', 'command = ["echo", "o-1"]')
        found = {one.id: one for one in examine(load(written(tmp_path, text), {"TOKEN": "t"}))}

    assert found["api"].state is State.OK
    assert small.requests.probe_summary in found["api"].tried
    assert found["api"].came == '404, application/json: \'{"error": {"message": "no"}}\', as documented'
    assert found["credentials.primary"].state is State.OK
    assert found["credentials.wrong"].state is State.OK
    assert found["credentials.other_merchant"].state is State.MISSING
    assert "credentials.other_environment" not in found
    assert {name for name in found if name.startswith("states.")} == {
        "states.new",
        "states.void",
        "states.done",
    }


def test_the_doctor_says_what_to_check_where_that_token_is_refused(small: Contract, tmp_path: Path) -> None:
    """There is no second field to swap it with, and no clock that could be wrong."""
    with serving(bearer) as server:
        text = PROFILE.replace('http://127.0.0.1:1"\nenv', f'{server.url}"\nenv')
        found = {one.id: one for one in examine(load(written(tmp_path, text), {"TOKEN": "another"}))}

    assert found["credentials.primary"].state is State.WRONG
    assert found["credentials.primary"].todo.startswith("Check TOKEN:")


def exchange(auth: Auth, *headers: tuple[str, str]) -> Exchange:
    """A request that was sent with these headers."""
    return Exchange(
        "2026-01-01T00:00:00.000000Z", 0.1, "POST", "https://a.test/orders/1/cancel", headers, b"", auth, 404,
        "HTTP/1.1", (), b"",
    )  # fmt: skip


@pytest.mark.parametrize("auth", [Auth.ALTERED, Auth.NONE])
def test_a_curl_line_names_the_variable_of_the_only_field(small: Contract, auth: Auth) -> None:
    """The token is taken from the environment, not from the record."""
    target = Target("Small", small.name, "https://a.test", "test", {"primary.token": "TOKEN"})

    said = curl(exchange(auth, ("Authorization", "Bearer [redacted:primary.token]")), target)

    assert '-H "Authorization: Bearer $TOKEN"' in said


def test_a_curl_line_of_that_api_is_authenticated_as_its_contract_says(small: Contract) -> None:
    """This contract adds nothing to the command."""
    target = Target("Small", small.name, "https://a.test", "test", {"primary.token": "TOKEN"})

    said = curl(exchange(Auth.DOCUMENTED, ("Authorization", "Bearer [redacted:primary.token]")), target)

    assert said == "curl -sS -i -g --path-as-is -X POST 'https://a.test/orders/1/cancel'"


def test_a_record_of_an_api_that_is_not_installed_has_curl_lines() -> None:
    """Each header is sent as it was, with the variable in place of a secret."""
    target = Target("Gone", "gone", "https://a.test", "test", {"primary.key": "GONE_KEY"})
    sent = exchange(Auth.DOCUMENTED, ("X-Key", "[redacted:primary.key]"), ("X-Signature", "[redacted]"))

    said = curl(sent, target)

    assert '-H "X-Key: $GONE_KEY"' in said
    assert "-H 'X-Signature: [redacted]'" in said
    assert said.startswith("# [redacted] stands for what was sent: records don't keep it")
