"""Honest implementations that share nothing with this project are certified, and warned only of what they don't do.

Each server is a process of its own, known to the harness by its profile alone.
"""

import json
from pathlib import Path

import pytest

from tests.outside.servers import ACCOUNTS, SERVERS, plain_environment, served
from tests.outside.table import STACKS, TABLE, Honest, page, rests_on
from tests.support import ROOT, command

HERE = Path(__file__).parent
PAIRS = {"withdraws": ("api_key", "api_secret"), "payout-intents": ("public_key", "secret_key")}
OWNERS = {"withdraws": ("primary", "other_merchant"), "payout-intents": tuple(ACCOUNTS)}

# As few examples, and as short a look at what was cancelled, as say something of every check.
FEW = ("--fuzz-examples", "8", "--watch", "2")
# As many as a server nearby gets on a machine with nothing else to do; on a busy one more would make it busier.
TWO = ("-n", "2")


def profile_for(honest: Honest, url: str) -> str:
    """The profile that its makers would write."""
    lines = [
        "[target]",
        f'name = "Outside {honest.server}"',
        f'api = "{honest.api}"',
        f'base_url = "{url}"',
        'environment = "test"',
    ]
    for owner in OWNERS[honest.api]:
        lines.append(f"\n[credentials.{owner}]")
        lines += [f'{item} = "${{{owner.upper()}_{item.upper()}}}"' for item in PAIRS[honest.api]]
        if owner == "other_environment":
            lines.append('environment = "test"')  # no money moves there either
    lines += ["\n[states]", f'url = "{url}/_states"', honest.states, "\n[capabilities]", honest.capabilities]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("server", SERVERS)
def test_an_honest_outsider_is_conformant(server: str, tmp_path: Path) -> None:
    """No failure, no error, nothing untested, and each warning is one that the server has earned; with both APIs."""
    SERVERS[server].require()
    apis = {one.api: one for one in TABLE if one.server == server}
    secrets = {
        f"{owner.upper()}_{item.upper()}": pair[item]
        for owner, pair in ACCOUNTS.items()
        for item in (*PAIRS["withdraws"], *PAIRS["payout-intents"])
        if item in pair
    }
    with served(server) as url:
        for api, honest in apis.items():
            (tmp_path / f"{api}.toml").write_text(profile_for(honest, url))
        env = plain_environment(**secrets, PYTHONPATH=str(ROOT))
        workers = () if SERVERS[server].balanced else TWO
        done = command("run", *(f"{api}.toml" for api in apis), *FEW, *workers, cwd=tmp_path, env=env)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    for api, honest in apis.items():
        (folder,) = (tmp_path / "reports").glob(f"*-{api}-*")
        is_as_told(honest, folder)


def is_as_told(honest: Honest, folder: Path) -> None:
    """Asserts that the run in a folder comes to what the table says of the server."""
    record = json.loads((folder / "run.json").read_text())
    unlike = {
        requirement["id"]: (requirement["outcome"], requirement["reason"])
        for requirement in record["requirements"]
    }
    unlike = {each: found for each, found in unlike.items() if found[0] != "passed"}
    expected = dict.fromkeys(honest.warned, "warned") | dict.fromkeys(honest.not_applicable, "not_applicable")
    assert {each: outcome for each, (outcome, _) in unlike.items()} == expected, unlike
    assert record["verdict"] == "conformant"
    # A server that tells no account number isn't praised for hiding it.
    searched = {one["outcome"] for one in record["checks"] if "account_number_is_in_no_refusal" in one["id"]}
    assert searched == ({"passed"} if honest.tells_account else {"not_applicable"})
    if SERVERS[honest.server].balanced:
        exchanges = json.loads((folder / "exchanges.har").read_text())["log"]["entries"]
        assert any(one["response"]["status"] == 503 for one in exchanges), "The queue was never full"


def test_the_page_shows_the_table() -> None:
    """`python -m tests.outside.table` writes it anew; every server is in it with both APIs."""
    assert (HERE / "README.md").read_text() == page()
    assert {(one.server, one.api) for one in TABLE} == {(server, api) for server in SERVERS for api in PAIRS}
    assert set(STACKS) == set(SERVERS)


def test_each_warning_rests_on_a_sentence() -> None:
    """The catalogue has a SHOULD for it, and the table says what the server does instead."""
    warnings = [(one.api, requirement, why) for one in TABLE for requirement, why in one.warned.items()]
    assert not [
        (requirement, why)
        for api, requirement, why in warnings
        if not rests_on(api, requirement) or not why.endswith(".")
    ]
