"""Mistakes as newcomers make them, each once on purpose: what happened, why, what to do; never a traceback."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.sandbox import Sandbox
from tests.support import CREDENTIAL_ENV, write_profile

PORT, CLOSED = "{port}", "{closed}"

# The words of the command, how it ends, what is said to have happened, what is said to do.
COMMANDS: list[tuple[str, int, str, str]] = [
    ("nope", 2, "No such command 'nope'", "--help"),
    ("run", 2, "Missing argument 'PROFILE...'", "--help"),
    ("run nope.toml", 2, "nope.toml: there is no such profile", "payout-conformance init"),
    ("run .", 2, "can't be read: Is a directory", "text file"),
    ("run good.toml --nope", 2, "No such option '--nope'", "--help"),
    ("run good.toml --seed x", 2, "'x' is not a valid integer", "--help"),
    ("run good.toml -n 99", 2, "99 is not in the range", "--help"),
    ("run good.toml --requirement", 2, "requires an argument", "--help"),
    ("run good.toml --requirement WD-99", 2, "no catalogue has a requirement WD-99", "payout-conformance catalogue"),
    ("run good.toml --requirement PI-01", 2, "withdraws has no requirement PI-01", "WD-01 to WD-42"),
    ("run good.toml --requirement WD-01 --requirement x", 2, "no catalogue has a requirement x", "payout-conformance"),
    ("run good.toml -k and", 2, "-k 'and' is no expression", "matrix and not paid"),
    ("run good.toml live.toml", 2, "the environment is live", "--allow-live"),
    ("run good.toml -k ((", 2, "-k '((' is no expression", "matrix and not paid"),
    ("run good.toml --output file/below", 2, "nothing can be written to file/below: Not a directory", "--output"),
    ("run good.toml --output file", 2, "nothing can be written to file: Not a directory", "--output"),
    ("run good.toml --waivers nope", 2, "nope: there is no such file", "requirement ="),
    ("run closed.toml", 4, "gives no answer: the connection was refused", "Is the target running there?"),
    ("run nohost.toml", 4, "the host name can't be resolved", "target.base_url"),
    ("run https.toml", 4, "TLS failed", "speaks no TLS"),
    ("run prefix.toml", 4, "has no withdraws API", "Check the path of target.base_url"),
    ("run wrong.toml", 2, "refuses [credentials.primary]", "SANDBOX_SECRET_WRONG: for this environment"),
    ("run live.toml", 2, "the environment is live: a run would cancel real payouts", "--allow-live"),
    ("run few.toml --no-fuzz", 3, "budget of 2 requests is used up", "limits.max_requests"),
    ("doctor", 2, "Missing argument 'PROFILE'", "--help"),
    ("doctor nope.toml", 2, "there is no such profile", "payout-conformance init"),
    ("doctor closed.toml", 4, "Connection refused", "Is the target running"),
    ("plan nope.toml", 2, "there is no such profile", "payout-conformance init"),
    ("init", 2, "there is no terminal to ask on", "--base-url"),
    ("init --api x", 2, "'x' is not one of 'payout-intents', 'withdraws'", "--help"),
    ("init --api withdraws --base-url acme --states-ids", 2, "not an http or https URL: acme", "https://host"),
    ("init --api withdraws --base-url http://x --states-ids good.toml", 2, "good.toml is there already", "--force"),
    ("init --api withdraws --base-url http://x --states-ids no/x.toml", 2, "No such file", "Make the folder"),
    ("init --api withdraws --base-url http://x --states-ids --states-sandbox", 2, "exclude each other", "keep one"),
    ("init --api withdraws --base-url http://x --states-ids --terminal a", 2, "--terminal means nothing", "Leave it"),
    ("init --openapi nope.yaml", 2, "nope.yaml can't be read: No such file", "--openapi"),
    ("init --openapi file", 2, "is no OpenAPI file", "--openapi takes"),
    ("init --openapi other.json", 2, "describes no known API", "--base-url"),
    ("sandbox --port {port}", 2, "can't listen on port {port}: Address already in use", "--port"),
    ("sandbox --port 99999", 2, "99999 is not in the range", "--help"),
    ("sandbox --defect wd-paid-is-canceled", 2, "There is no defect 'wd-paid-is-canceled'", "wd-paid-is-cancelled"),
    ("catalogue WD-999", 2, "no catalogue has WD-999", "payout-conformance catalogue"),
    ("catalogue --api withdrawals", 2, "there is no API withdrawals", "There are payout-intents, withdraws"),
    ("report reports", 2, "holds no run", "run.json"),
    ("report file", 2, "file holds no run", "run.json"),
    ("report broken", 2, "run.json", "."),
]  # fmt: skip

# A line of a good profile, what somebody makes of it, what is said to be wrong, what is said to do.
PROFILES: list[tuple[str, str, str, str]] = [
    ("[target]", "[target", "not TOML", "tables look like [target]"),
    ("[target]", "[tarket]", "line 1: tarket: unknown key", "Did you mean target?"),
    ('name = "Acme"', "name = Acme", "not TOML", "Strings are quoted"),
    ('name = "Acme"', "name = 7", "target.name: must be a text, not a number (7)", "quotes"),
    ('name = "Acme"', "", "target: name is missing", 'Add name = "..."'),
    ('api = "withdraws"', 'api = "withdrawals"', "'withdrawals' is not one of", "Did you mean withdraws?"),
    ("base_url", "base_ulr", "target.base_ulr: unknown key", "Did you mean base_url?"),
    ('"http://', '"', "not an http or https URL", "https://host"),
    ('environment = "test"', 'environment = "prod-eu"', "the environment is prod-eu", "--allow-live"),
    ('environment = "test"', "environment = true", "must be a text", "Put it in quotes"),
    ("[credentials.primary]", "[credentials.first]", "credentials.first: unknown key", "Known here: primary"),
    ('"${SANDBOX_API_KEY}"', '"sk_live_123"', "a credential never stands in a profile", "${NAME}"),
    ("${SANDBOX_API_KEY}", "${NOT_SET}", "variable NOT_SET is not set", "--env-file mistake.env"),
    ("${SANDBOX_API_KEY}", "${EMPTY}", "the environment variable EMPTY is empty", "export EMPTY="),
    ("${SANDBOX_API_KEY}", "${SPACED}", "white space around it", "copied along"),
    ("api_key =", "public_key =", "credentials.primary.public_key: unknown key", "Did you mean api_key?"),
    ("sandbox = true", 'sandbox = "yes"', "must be true or false", "Without quotes"),
    ("sandbox = true", 'sandbox = true\nurl = "http://x"', "url and sandbox exclude each other", "Keep one"),
    ("sandbox = true", 'command = "./make"', "must be a list of texts", '["one", "two"]'),
    ("sandbox = true", 'url = "https://me:word@x/states"', "credentials don't belong in a URL", "Authorization"),
    ("sandbox = true", "requests = {}", "[states.requests.create] is missing", "how a resource is made"),
    ("sandbox = true", 'url = "acme.test/states"', "not an http or https URL", "https://host"),
    ("sandbox = true", 'terminal = ["paid"]', "withdraws documents its terminal state names", "Remove it"),
    ("sandbox = true", 'read_path = "/w/:id"', "not a read path of withdraws", "/api/v1/withdraws/{id}"),
    ("sandbox = true", '[states.ids]\npending = ["a", "a"]', "a is also in states.ids.pending", "name it once"),
    ("sandbox = true", '[states.ids]\npendin = ["a"]', "states.ids.pendin: unknown key", "Did you mean pending?"),
    ("sandbox = true", '[states.ids]\npaid = ["a"]\nread_path = "/w/{id}"', "this key belongs to [states]", "above"),
    ("settlement = true", "settlment = true", "capabilities.settlment: unknown key", "Did you mean settlement?"),
    ("settlement = true", "settlement = 1", "must be true or false, not a number (1)", "Without quotes"),
    ("[limits]", '[limits]\ntimeout_s = "10"', "must be a number", "Without quotes"),
    ("[limits]", "[limits]\nconcurrency = 0", "must be a whole number from 1", "Without quotes"),
    ("[limits]", '[webhooks]\nlisten = "8099"\n\n[limits]', "not an address and port", "127.0.0.1:8099"),
]  # fmt: skip


@pytest.fixture(scope="module")
def target() -> Iterator[Sandbox]:
    """A sandbox in this process."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def here(target: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with profiles, good and bad, and the variables that they read."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        **CREDENTIAL_ENV,
        "EMPTY": "",
        "SPACED": " x ",
        "SANDBOX_SECRET_WRONG": "8f2c-not-the-secret",
    }.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name, url, more in (
        ("good", target.url, {}),
        ("closed", closed, {}),
        ("nohost", "http://no-such-host.invalid", {}),
        ("https", target.url.replace("http:", "https:"), {}),
        ("prefix", f"{target.url}/v9", {"states": f'url = "{target.states_url}"'}),
        ("live", target.url, {"environment": "live"}),
        ("few", target.url, {"limits": "max_requests = 2"}),
        ("wrong", target.url, {}),
    ):
        path = write_profile(tmp_path, "withdraws", url, **more)  # type: ignore[arg-type]
        path.rename(tmp_path / f"{name}.toml")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(wrong.read_text().replace("{SANDBOX_API_SECRET}", "{SANDBOX_SECRET_WRONG}"))
    (tmp_path / "file").write_text("")
    (tmp_path / "reports").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{}")
    (tmp_path / "other.json").write_text(json.dumps({"openapi": "3.1.0", "paths": {"/pets": {"get": {}}}}))
    return tmp_path


def said(words: list[str], code: int) -> str:
    """Everything that was printed, in one line; once it is certain that it ended so, in two sentences."""
    done = CliRunner().invoke(main, words)
    text = done.stdout + done.stderr
    assert done.exit_code == code, text
    assert "Traceback" not in text
    assert "defect of payout-conformance" not in text
    assert not [secret for secret in CREDENTIAL_ENV.values() if secret in text]
    return " ".join(text.split())


@pytest.mark.parametrize(("words", "code", "cause", "remedy"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_a_mistake_on_the_command_line(
    target: Sandbox, here: Path, words: str, code: int, cause: str, remedy: str
) -> None:
    """The message names cause and remedy, the exit code is the documented one, and no folder of a run is left."""
    port = target.url.rpartition(":")[2]
    text = said(words.replace(PORT, port).split(), code)

    assert cause.replace(PORT, port) in text
    assert remedy in text.replace(cause.replace(PORT, port), "", 1)
    assert list((here / "reports").iterdir()) == []


@pytest.mark.parametrize(
    ("line", "mistake", "cause", "remedy"),
    PROFILES,
    ids=[" ".join(row[1].split()) or "nothing" for row in PROFILES],
)
def test_a_mistake_in_a_profile(here: Path, line: str, mistake: str, cause: str, remedy: str) -> None:
    """Exit 2 before anything is sent: which file, which key, what instead."""
    text = (here / "good.toml").read_text()
    assert line in text
    (here / "mistake.toml").write_text(text.replace(line, mistake, 1))
    (here / "mistake.env").write_text("NOT_SET=\n")
    told = said(["run", "mistake.toml"], 2)

    assert told.startswith("error: mistake.toml")
    assert cause in told
    assert remedy in told
    assert list((here / "reports").iterdir()) == []
