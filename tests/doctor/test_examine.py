"""The whole examination on real sockets: what was tried, what came, what to do. Nothing that exists is cancelled."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance import catalogue
from conformance.cli import main
from conformance.doctor.finding import State
from conformance.doctor.network import proxy
from conformance.sandbox import Sandbox
from tests.doctor.support import ENVELOPE, code, examined
from tests.support import (
    CREDENTIAL_ENV,
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    always,
    reply_with,
    serving,
    write_profile,
)

pytestmark = pytest.mark.usefixtures("settled")
APIS = catalogue.apis()
STATES = {"withdraws": f"sandbox = true\n{READ_PATH}", "payout-intents": f"sandbox = true\n{TERMINAL}"}


class Asked(SandboxProcess):
    """A sandbox that runs elsewhere, asked as one in another process is."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.mark.parametrize("api", APIS)
def test_a_target_that_is_ready(target: Sandbox, tmp_path: Path, api: str) -> None:
    """A ready target has no finding: every state is obtained and verified, and nothing is left behind."""
    more = '\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"' if api == "payout-intents" else ""
    path = write_profile(
        tmp_path, api, target.url, states=STATES[api], capabilities=f"cancel_processing = true{more}"
        if api == "withdraws" else f"settlement = true{more}"
    )  # fmt: skip
    lines = examined(path)

    assert {line.state for line in lines.values()} == {State.OK}
    assert code(lines) == 0
    owners = ("", "other_merchant.") if api == "withdraws" else ("", "other_merchant.", "other_environment.")
    for owner in owners:
        for status in ("paid", "failed", "processing"):
            assert f"reading it says {status}" in lines[f"states.{owner}{status}"].came
    assert "404" in lines["api"].came
    assert "401" in lines["credentials.wrong"].came
    if api == "payout-intents":
        assert lines["webhooks.public_url"].came == "it arrived"
        assert lines["states.terminal"].came == "cancelled, paid, failed, and no others"


@pytest.mark.parametrize(
    ("api", "defect"), [("withdraws", "wd-unknown-is-403"), ("payout-intents", "pi-unknown-is-403")]
)
def test_a_refusal_for_an_unknown_id_is_none_of_the_credentials(
    target: Sandbox, tmp_path: Path, api: str, defect: str
) -> None:
    """A pair is right that is let in to a resource which exists: a run judges the answer for an unknown id."""
    target.configure(defects=[defect])
    found = examined(write_profile(tmp_path, api, target.url, states=STATES[api]))["credentials.primary"]

    assert found.state is State.WARNING
    assert "let in to a resource that exists" in found.came
    assert found.todo.startswith("They are right. 404 ")


def test_nothing_that_exists_is_cancelled(target: Sandbox, tmp_path: Path) -> None:
    """A list of ids is looked at, and stays as it was, to be used by a run."""
    ask = Asked(target.url)
    pending, paid = ask.make("withdraws", "pending"), ask.make("withdraws", "paid")
    path = write_profile(
        tmp_path, "withdraws", target.url, owners=("primary",),
        states=f'{READ_PATH}\n[states.ids]\npending = ["{pending}"]\npaid = ["{paid}"]',
    )  # fmt: skip
    first, second = examined(path), examined(path)

    assert first.keys() == second.keys()
    assert "reading it says pending" in second["states.pending"].came
    assert "reading it says paid" in second["states.paid"].came
    assert second["states.failed"].state is State.MISSING
    assert 'Add failed = ["..."]' in second["states.failed"].todo
    assert second["credentials.other_merchant"].state is State.MISSING
    assert code(second) == 3


def test_a_source_that_makes_something_else(target: Sandbox, tmp_path: Path) -> None:
    """A source that makes pending withdraws for "paid" is found out where the state can be read."""
    ask = Asked(target.url)
    pending = iter([ask.make("withdraws", "pending") for _ in range(10)])

    def answer(peer: socket.socket, request: bytes) -> None:
        one = next(pending) if b'"setup"' in request else "-"
        peer.sendall(reply_with(json.dumps({"id": one}).encode()))

    with serving(answer) as source:
        states = f'url = "{source.url}/states"\n{READ_PATH}'
        lines = examined(write_profile(tmp_path, "withdraws", target.url, owners=("primary",), states=states))

    assert lines["states.pending"].state is State.OK
    assert lines["states.paid"].state is State.WRONG
    assert "reading it says pending" in lines["states.paid"].came
    assert lines["states.paid"].todo
    assert code(lines) == 2


def test_states_that_cannot_be_had(target: Sandbox, tmp_path: Path) -> None:
    """An endpoint that isn't there: one line, and exit 2, as a run would; no source at all: exit 3, and what to add."""
    path = write_profile(tmp_path, "withdraws", target.url, states=f'url = "{target.url}/nope"')
    lines = examined(path)
    assert lines["states"].state is State.WRONG
    assert lines["states"].came.count("404") == 1
    assert "states.url isn't its address" in lines["states"].todo
    assert not [name for name in lines if name.startswith("states.")]
    assert code(lines) == 2

    lines = examined(write_profile(tmp_path, "withdraws", target.url, states=""))
    assert "Add url, command, ids, requests or sandbox" in lines["states"].todo
    assert code(lines) == 3


def test_credentials_that_are_refused(target: Sandbox, tmp_path: Path) -> None:
    """Refused credentials are named pair by pair, by their variables."""
    path = write_profile(tmp_path, "payout-intents", target.url, states=STATES["payout-intents"])
    lines = examined(path, SANDBOX_OTHER_MERCHANT_SECRET_KEY="not-it")

    assert lines["credentials.primary"].state is State.OK
    assert lines["credentials.other_merchant"].state is State.WRONG
    assert "SANDBOX_OTHER_MERCHANT_SECRET_KEY" in lines["credentials.other_merchant"].tried
    assert code(lines) == 2

    lines = examined(path, SANDBOX_SECRET_KEY="not-it")
    assert lines["api"].state is State.OK
    assert lines["credentials.primary"].state is State.WRONG
    assert "[credentials.other_merchant] are accepted" in lines["credentials.primary"].came
    assert code(lines) == 2


def test_a_target_that_reads_the_document_otherwise(target: Sandbox, tmp_path: Path) -> None:
    """A target that expects credentials in another form is left to the run to judge: the profile isn't at fault."""
    target.configure(defects=["wd-seconds-are-expected"])
    lines = examined(write_profile(tmp_path, "withdraws", target.url, owners=("primary",)))
    assert lines["credentials.primary"].state is State.WARNING
    assert "a run will hold that against it" in lines["credentials.primary"].todo


def test_a_target_that_lets_everybody_in_is_suspected(tmp_path: Path) -> None:
    """A mock answers alike whatever the secret: a warning, as judging it is for a run."""
    with serving(always(reply_with(ENVELOPE, "404 Not Found")), keep=True) as server:
        lines = examined(write_profile(tmp_path, "withdraws", server.url, states=""))
    assert lines["credentials.wrong"].state is State.WARNING
    assert "mock" in lines["credentials.wrong"].todo


def test_what_the_headers_tell(tmp_path: Path) -> None:
    """A rate limit below what the profile asks for, a clock that is off, a connection that isn't kept."""
    headers = (
        "Content-Type: application/json\r\nDate: Mon, 01 Jan 2035 00:00:00 GMT\r\n"
        "RateLimit-Policy: 120;w=60\r\nX-RateLimit-Remaining: 7"
    )
    with serving(always(reply_with(ENVELOPE, "404 Not Found", headers))) as server:
        lines = examined(
            write_profile(tmp_path, "withdraws", server.url, states="", limits="requests_per_second = 20")
        )

    assert lines["rate"].state is State.WARNING
    assert "requests_per_second = 2 or less" in lines["rate"].todo
    assert "x-ratelimit-remaining: 7" in lines["rate"].came
    assert lines["clock"].state is State.WARNING
    assert "timestamp" in lines["clock"].todo
    assert lines["keep-alive"].state is State.NOTE


def test_a_name_and_a_port_that_are_not_there(tmp_path: Path) -> None:
    """The examination ends where the way does, with exit 4."""
    lines = examined(write_profile(tmp_path, "withdraws", "http://no-such-host.invalid"))
    assert list(lines) == ["dns"]
    assert lines["dns"].state is State.UNREACHABLE
    assert code(lines) == 4

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    lines = examined(write_profile(tmp_path, "withdraws", f"http://127.0.0.1:{port}"))
    assert list(lines) == ["dns", "tcp"]
    assert "running" in lines["tcp"].todo
    assert code(lines) == 4


def test_what_speaks_no_http(tmp_path: Path) -> None:
    """Exit 4, named."""
    with serving(always(b"220 smtp ready\r\n\r\n")) as server:
        lines = examined(write_profile(tmp_path, "withdraws", server.url))
    assert lines["http"].state is State.UNREACHABLE
    assert code(lines) == 4


def test_a_proxy_is_named_as_ignored() -> None:
    """By either spelling; and no word without one."""
    [line] = proxy({"https_proxy": "http://proxy:3128"})
    assert line.state is State.NOTE
    assert "HTTPS_PROXY" in line.came
    assert "ignores it" in line.came
    assert proxy({"NO_PROXY": "x"}) == []


# -- webhooks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "public", "state", "says"),
    [
        ("127.0.0.1:0", "http://127.0.0.1:1/", State.NOTE, "can't be told from here"),
        ("0.0.0.0:0", "", State.WRONG, "webhooks.public_url"),
    ],
)
def test_webhook_addresses(
    target: Sandbox, tmp_path: Path, listen: str, public: str, state: State, says: str
) -> None:
    """Webhook addresses that can't be delivered to are faults; unverifiable ones are named."""
    webhooks = f'[webhooks]\nlisten = "{listen}"' + (f'\npublic_url = "{public}"' if public else "")
    path = write_profile(
        tmp_path, "payout-intents", target.url, states=STATES["payout-intents"],
        capabilities=f"webhooks = true\n\n{webhooks}",
    )  # fmt: skip
    line = examined(path)["webhooks.public_url"]
    assert line.state is state
    assert says in line.todo


def test_a_webhook_address_in_use(target: Sandbox, tmp_path: Path) -> None:
    """Found out before a run waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        path = write_profile(
            tmp_path, "payout-intents", target.url, states=STATES["payout-intents"],
            capabilities=f'webhooks = true\n\n[webhooks]\nlisten = "{listen}"',
        )  # fmt: skip
        lines = examined(path)
    assert lines["webhooks.listen"].state is State.WRONG
    assert "free address" in lines["webhooks.listen"].todo


@pytest.mark.parametrize(
    ("states", "todo"),
    [
        ('command = ["echo", "{status}-{owner}-{environment}"]\nterminal = ["paid"]', "{webhook_url}"),
        ('terminal = ["paid"]\n[states.ids]\nrequires_approval = ["word_1"]', "provider-state URL"),
    ],
    ids=["command", "ids"],
)
def test_a_source_that_takes_no_webhook_address(
    target: Sandbox, tmp_path: Path, states: str, todo: str
) -> None:
    """A run would be inconclusive for want of it, so it is said before."""
    path = write_profile(
        tmp_path, "payout-intents", target.url, states=states,
        capabilities='webhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
    )  # fmt: skip
    line = examined(path)["states.requires_approval.webhook_url"]
    assert line.state is State.MISSING
    assert todo in line.todo


# -- the command -----------------------------------------------------------------------------------------------


def test_the_command_in_words_and_in_json(target: Sandbox, tmp_path: Path) -> None:
    """The same lines, the same exit code, what comes next; and no secret in either."""
    path = write_profile(tmp_path, "withdraws", target.url, states=STATES["withdraws"])
    words = CliRunner().invoke(main, ["doctor", str(path)])
    data = CliRunner().invoke(main, ["doctor", str(path), "--json"])
    told = json.loads(data.stdout)

    assert (words.exit_code, data.exit_code, told["exit_code"]) == (0, 0, 0)
    assert words.stdout.count("\nok ") == len(told["lines"])
    assert f"payout-conformance run {path}" in words.stdout
    assert told["target"]["api"] == "withdraws"
    assert {line["state"] for line in told["lines"]} == {"ok"}
    assert not [secret for secret in CREDENTIAL_ENV.values() if secret in words.stdout + data.stdout]
