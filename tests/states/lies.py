"""Sources that hand out something else than they were asked for, as an endpoint, a program or a list would.

python -m tests.states.lies STATES_URL LIE    < a provider-state message
"""

import json
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

Message = dict[str, Any]
_CANCELLED = {"withdraws": "canceled", "payout-intents": "cancelled"}
_OPEN = {"withdraws": "pending", "payout-intents": "requires_approval"}


def made(states_url: str, params: Message) -> Message:
    """The resource that the sandbox's own endpoint makes."""
    body = json.dumps({"action": "setup", "params": params}).encode()
    request = urllib.request.Request(states_url, body, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=600) as answer:
        found: Message = json.load(answer)
    return found


Kept = Callable[[str, str], str]


def lied(lie: str, states_url: str, params: Message, kept: Kept) -> Message:
    """The answer of a source with that vice. `kept` is its memory: what it was told first under a name."""
    api, status, own = params["contract"], params["status"], not ({"owner", "environment"} & params.keys())
    if lie == "cancelled for paid" and status == "paid":
        return {"id": made(states_url, {**params, "status": _CANCELLED[api]})["id"]}
    if lie == "cancelled for all":
        return {"id": made(states_url, {**params, "status": _CANCELLED[api]})["id"]}
    if lie == "open for all":
        return {"id": made(states_url, {**params, "status": _OPEN[api]})["id"]}
    if lie == "somebody else's" and own:
        return {"id": made(states_url, {**params, "owner": "other_merchant"})["id"]}
    if lie == "elsewhere" and own:
        return {"id": made(states_url, {**params, "environment": "other"})["id"]}
    if lie == "nothing":
        return {"id": str(uuid4()) if api == "withdraws" else f"word_01{uuid4().hex[:24].upper()}"}
    if lie == "always the same":
        return {"id": kept("id", made(states_url, params)["id"])}
    if lie == "another status":
        other = _CANCELLED[api] if status != _CANCELLED[api] else "processing"
        return {"id": made(states_url, params)["id"], "status": other}
    return {"id": made(states_url, params)["id"]}


def in_a_file(name: str, value: str) -> str:
    """The memory of a program: a file in its folder."""
    try:
        with Path(f"kept.{name}").open("x") as file:
            file.write(value)
    except FileExistsError:
        return Path(f"kept.{name}").read_text()
    return value


if __name__ == "__main__":
    order = json.load(sys.stdin)
    if order["action"] == "setup":
        print(json.dumps(lied(sys.argv[2], sys.argv[1], order["params"], in_a_file)))
