"""Profiles for the embedded sandbox, and what its guests are told."""

from collections.abc import MutableMapping
from pathlib import Path

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
_STATES = {
    "withdraws": 'read_path = "/api/v1/withdraws/{id}"',
    "payout-intents": 'terminal = ["cancelled", "paid", "failed"]',
}
_CAPABILITIES = {
    "withdraws": "cancel_processing = true\nsettlement = true",
    "payout-intents": 'settlement = true\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
}


def variable(api: str, owner: str, item: str) -> str:
    """The environment variable that a sandbox profile reads a credential from."""
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
    """A profile of the sandbox at `url`."""
    credentials = "\n".join(
        f"[credentials.{owner}]\n"
        + "\n".join(f'{item} = "${{{variable(api, owner, item)}}}"' for item in pair)
        + "\n"
        for owner, pair in CREDENTIALS[api].items()
    )
    return _TEMPLATE.format(
        api=api, url=url, credentials=credentials, states=_STATES[api], capabilities=_CAPABILITIES[api]
    )


def guide(url: str, defects: tuple[str, ...]) -> str:
    """What `payout-conformance sandbox` prints: where, with which credentials, and lines to paste."""
    lines = [f"The sandbox of both APIs listens on {url} (loopback only; Ctrl-C ends it).", ""]
    if defects:
        lines += [f"Defects switched on: {', '.join(defects)}", ""]
    for api, owners in CREDENTIALS.items():
        lines.append(f"# {api}: credentials")
        for owner, pair in owners.items():
            lines += [f"export {variable(api, owner, item)}={value}" for item, value in pair.items()]
        lines.append("")
    lines += [
        "# withdraws: make a pending withdraw, and cancel it",
        _make(url, "withdraws", "a withdraw with status pending", "pending"),
        "TS=$(date +%s)000",
        "SIG=$(printf '%s.' \"$TS\" | openssl dgst -sha256 -hmac \"$SANDBOX_API_SECRET\" | sed 's/^.* //')",
        f'curl -s -X POST "{url}/api/v1/withdraws/$ID/cancel" \\',
        '  -H "X-API-Key: $SANDBOX_API_KEY" -H "X-Timestamp: $TS" -H "X-Signature: sha256=$SIG"; echo',
        "",
        "# payout intents: make one that awaits approval, cancel it, and read it",
        _make(url, "payout-intents", "a payout intent with status requires_approval", "requires_approval"),
        f'curl -s -X POST "{url}/payout_intents/$ID/cancel" -u "$SANDBOX_PUBLIC_KEY:$SANDBOX_SECRET_KEY" \\',
        '  -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)" \\',
        "  -H 'Content-Type: application/json' -d '{\"reason\": \"entered twice\"}'; echo",
        f'curl -s "{url}/payout_intents/$ID" -u "$SANDBOX_PUBLIC_KEY:$SANDBOX_SECRET_KEY"; echo',
        "",
        f"# resources in any state: POST {url}/_states   defects and variants: {url}/_control",
    ]
    return "\n".join(lines)


def _make(url: str, api: str, state: str, status: str) -> str:
    message = (
        f'{{"action": "setup", "state": "{state}", "params": {{"contract": "{api}", "status": "{status}"}}}}'
    )
    take_id = 'sed \'s/.*"id": *"\\([^"]*\\)".*/\\1/\''
    return f"ID=$(curl -s \"{url}/_states\" -H 'Content-Type: application/json' -d '{message}' | {take_id})"
