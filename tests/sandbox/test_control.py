"""The endpoints beside the APIs: provider states, switches, the log of failed authentications."""

import contextlib
import socket
import subprocess
import sys
from typing import Any

import pytest

from conformance.sandbox import CREDENTIALS, Sandbox, list_variants


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"contract": "withdraws"},
        {"contract": "withdraw", "status": "pending"},
        {"contract": "withdraws", "status": "cancelled"},
        {"contract": "payout-intents", "status": "canceled"},
        {"contract": "withdraws", "status": "pending", "owner": "nobody"},
        {"contract": "withdraws", "status": "pending", "environment": "other"},
        {"contract": "withdraws", "status": "processing", "provider_supports_cancel": "no"},
        {"contract": "payout-intents", "status": "processing", "webhook_url": "file:///etc"},
        {"contract": "payout-intents", "status": ["processing"]},
        [],
    ],
)
def test_a_state_that_can_not_be_made_is_422(client: Any, params: Any) -> None:
    """With a message that says what would be accepted."""
    reply = client.http.post("/_states", json={"action": "setup", "params": params})
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "unknown_state")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"action":"explode"}', b'{"action":"settle"}'])
def test_an_order_that_is_none_is_422(client: Any, body: bytes) -> None:
    """Never a 500."""
    assert client.http.post("/_states", content=body).status_code == 422
    assert client.http.get("/_states").status_code == 405


@pytest.mark.parametrize("contract", ["withdraws", "payout-intents"])
def test_teardown_takes_a_resource_away(client: Any, contract: str) -> None:
    """Afterwards its id is unknown: to the API, to settle and to a second teardown."""
    status = {"withdraws": "pending", "payout-intents": "processing"}[contract]
    identifier = client.given(contract, status)["id"]
    params = {"contract": contract, "status": status}

    for expected in (200, 404):
        order = {"action": "teardown", "id": identifier, "params": params}
        assert client.http.post("/_states", json=order).status_code == expected
    assert (
        client.http.post("/_states", json={"action": "settle", "params": {"id": identifier}}).status_code
        == 404
    )


def test_switching_keeps_the_resources_and_reset_forgets_them(bent: Any) -> None:
    """Defects come and go over the same store."""
    sandbox = bent()
    client = sandbox.client
    paid = client.given("withdraws", "paid")["id"]
    assert client.withdraw(paid).status_code == 400

    reply = client.http.post("/_control", json={"defects": ["wd-paid-is-cancelled"]})
    assert reply.json()["defects"] == ["wd-paid-is-cancelled"]
    assert client.withdraw(paid).status_code == 200

    client.http.post("/_control", json={"defects": [], "reset": True})
    assert client.withdraw(paid).status_code == 404
    assert client.http.get("/_control").json()["defects"] == []


@pytest.mark.parametrize(
    ("order", "hint"),
    [
        ({"defects": ["wd-paid-is-canceled"]}, "wd-paid-is-cancelled"),
        ({"variants": {"auth_stauts": 403}}, "auth_status"),
        ({"variants": {"auth_status": 402}}, "401, 403"),
        ({"variants": {"pretty": 1}}, "bool"),
        ({"variants": {"terminal": ["paid"]}}, "cancelled"),
        ({"variants": {"terminal": "cancelled"}}, "list"),
        ({"defect": []}, "defects"),
        ({"defects": "wd-paid-is-cancelled"}, "list"),
        ({"reset": "yes"}, "boolean"),
    ],
)
def test_an_unknown_switch_is_422_and_names_the_nearest(
    client: Any, order: dict[str, Any], hint: str
) -> None:
    """An unknown switch is a 422 that names the nearest known one, and nothing is switched."""
    reply = client.http.post("/_control", json=order)
    assert reply.status_code == 422
    assert hint in reply.json()["error"]["message"]
    assert client.http.get("/_control").json()["defects"] == []


def test_defects_of_both_apis_can_be_mixed(bent: Any) -> None:
    """Two in one API and one in the other, each with its effect."""
    client = bent("wd-paid-is-cancelled", "wd-success-is-202", "pi-success-is-200").client
    assert client.withdraw(client.given("withdraws", "paid")["id"]).status_code == 202
    assert client.intent(client.given("payout-intents", "requires_approval")["id"]).status_code == 200


def test_the_log_tells_why_authentication_failed(bent: Any) -> None:
    """Counts and entries per API, with no credential in them."""
    client = bent().client
    identifier = client.given("withdraws", "pending")["id"]
    client.withdraw(identifier)
    client.withdraw(identifier, headers={})
    client.withdraw(identifier, headers=client.signed() | {"X-API-Key": "nobody"})
    client.withdraw(identifier, headers=client.signed() | {"X-Signature": "sha256=00"})
    client.withdraw(identifier, headers=client.signed(timestamp="1"))
    client.intent("word_01", auth=("nobody", "secret"))

    log = client.http.get("/_control/auth-log").json()

    reasons = {"missing_header": 1, "unknown_key": 1, "bad_signature": 1, "stale": 1}
    assert (log["withdraws"]["accepted"], log["withdraws"]["failed"], log["withdraws"]["reasons"]) == (
        1,
        4,
        reasons,
    )
    assert log["payout-intents"]["reasons"] == {"bad_credentials": 1}
    path = f"/api/v1/withdraws/{identifier}/cancel"
    assert log["withdraws"]["entries"][0] == {
        "api": "withdraws",
        "reason": "missing_header",
        "method": "POST",
        "path": path,
    }
    assert CREDENTIALS["withdraws"]["primary"]["api_secret"] not in str(log)


def test_it_can_be_started_and_stopped_often() -> None:
    """The sandbox starts and stops repeatedly, and closes an idle connection when it stops."""
    for _ in range(5):
        with Sandbox() as sandbox:
            peer = socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])))
        with peer, contextlib.suppress(ConnectionResetError):
            assert peer.recv(1) == b""


def test_a_port_in_use_is_the_callers_error() -> None:
    """Raised at the start, in the thread that asked."""
    with Sandbox() as sandbox, pytest.raises(OSError, match="in use"):
        Sandbox(port=int(sandbox.url.rpartition(":")[2])).start()


def test_the_python_side_can_switch_too(bent: Any) -> None:
    """`configure` and `auth_log` do what the endpoints do."""
    sandbox = bent().sandbox
    sandbox.configure(defects=["pi-paid-is-cancelled"], variants={"pretty": True})
    with pytest.raises(ValueError, match="no defect"):
        sandbox.configure(defects=["pi-nonsense-beyond-recognition"])
    assert sandbox.auth_log()["withdraws"]["failed"] == 0
    sandbox.close()
    sandbox.close()


def test_importing_loads_no_server_and_no_judge() -> None:
    """The import of the sandbox, and the list of defects, load neither the HTTP parser nor the harness."""
    program = (
        "import sys; import conformance.sandbox as s; assert 'conformance.sandbox.server' not in sys.modules;"
        "assert s.list_defects(); assert 'httptools' not in sys.modules; s.Sandbox().start().close();"
        "print([m for m in sys.modules if m.startswith('conformance.') and m[12:19] != 'sandbox'])"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_variant_is_listed_with_its_choices() -> None:
    """The default first."""
    variants = list_variants()
    assert variants["auth_status"] == (401, 403)
    assert variants["pretty"] == (False, True)
    assert len(variants) >= 20
