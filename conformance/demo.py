"""Writes profiles for the embedded sandbox, and the guide that it prints."""

import json
from collections.abc import MutableMapping
from pathlib import Path

from conformance import contracts
from conformance.contract import Contract, SandboxUse
from conformance.sandbox import CREDENTIALS

_TEMPLATE = """\
[target]
name = "Sandbox"
api = "{api}"
base_url = "{url}"
environment = "test"

{credentials}
[states]
sandbox = true
{states}

[capabilities]
{capabilities}
"""


def variable(api: str, owner: str, item: str) -> str:
    """Returns the environment variable that a profile of the sandbox reads a credential from."""
    return f"SANDBOX_{owner}_{item}".upper() if owner != "primary" else f"SANDBOX_{item}".upper()


def profiles(url: str, folder: Path, environ: MutableMapping[str, str]) -> list[Path]:
    """Writes one profile per API of the sandbox at `url`, and sets the variables that they read."""
    written = []
    for api, owners in CREDENTIALS.items():
        for owner, pair in owners.items():
            for item, value in pair.items():
                environ[variable(api, owner, item)] = value
        path = folder / f"{api}.toml"
        path.write_text(profile_text(api, url))
        written.append(path)
    return written


def profile_text(api: str, url: str) -> str:
    """Returns the text of a profile of the sandbox at `url`."""
    use = _use(contracts.contract(api))
    credentials = "\n".join(
        f"[credentials.{owner}]\n"
        + "\n".join(f'{item} = "${{{variable(api, owner, item)}}}"' for item in pair)
        + "\n"
        for owner, pair in CREDENTIALS[api].items()
    )
    return _TEMPLATE.format(
        api=api, url=url, credentials=credentials, states=use.states, capabilities=use.capabilities
    )


def guide(url: str, defects: tuple[str, ...]) -> str:
    """Returns what `payout-conformance sandbox` prints: its URL, its credentials, and lines for a shell."""
    lines = [
        f"The sandbox of {' and '.join(CREDENTIALS)} listens on {url} (loopback only; Ctrl-C ends it).",
        "",
    ]
    if defects:
        lines += [f"Defects switched on: {', '.join(defects)}", ""]
    for api, owners in CREDENTIALS.items():
        lines.append(f"# {api}: credentials")
        for owner, pair in owners.items():
            lines += [f"export {variable(api, owner, item)}={value}" for item, value in pair.items()]
        lines.append("")
    for api in CREDENTIALS:
        contract = contracts.contract(api)
        state = f"{contract.a(contract.noun)} with status {contract.states.cancellable[0]}"
        lines += [f"# {api}: make {state}, and cancel it", _make(url, contract, state)]
        lines += [*_use(contract).guide(url), ""]
    lines.append(f"# resources in any state: POST {url}/_states   defects and variants: {url}/_control")
    return "\n".join(lines)


def _use(contract: Contract) -> SandboxUse:
    assert contract.sandbox is not None, "the sandbox has credentials for this API"
    return contract.sandbox


def _make(url: str, contract: Contract, state: str) -> str:
    params = {"contract": contract.name, "status": contract.states.cancellable[0]}
    message = json.dumps({"action": "setup", "state": state, "params": params})
    take_id = 'sed \'s/.*"id": *"\\([^"]*\\)".*/\\1/\''
    return f"ID=$(curl -s \"{url}/_states\" -H 'Content-Type: application/json' -d '{message}' | {take_id})"
