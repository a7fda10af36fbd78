"""Rehearses a whole run against the embedded sandbox, with a profile that can do no more than the given one."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from conformance import contracts
from conformance.contract import SandboxUse
from conformance.errors import HarnessError
from conformance.model import RunRecord
from conformance.plan import counting_proxy
from conformance.plan.counting_proxy import Params, Refuses
from conformance.profile import Profile, is_live, load
from conformance.profile.recipes import Recipes
from conformance.runner import Options, run
from conformance.runner.suites import Progress
from conformance.sandbox import CREDENTIALS, Sandbox
from conformance.states.command import takes
from conformance.states.id_lists import ledger
from conformance.states.leases import Claims
from conformance.states.source_advice import ids_table

# More than any run takes of one state: of the first state of an API most checks want one of their own.
_PLENTY, _ENOUGH = 200, 60
_LONGEST = 1_000_000

Pools = dict[str, dict[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The result of a rehearsal: its record, and how often it asked for each thing.

    `used` counts resources by (owner, status), `messages` those to the state source, by action. `requests` are
    those to the target, fuzzing and preflight included.
    """

    record: RunRecord
    used: Mapping[tuple[str, str], int]
    messages: Mapping[str, int]
    requests: int


def rehearse(
    profile: Profile,
    options: Options,
    progress: Progress,
    *,
    ids: Mapping[tuple[str, str], int] | None = None,
) -> Rehearsal:
    """Runs `profile` against a sandbox instead of its target. `ids` says how many a list holds, None for plenty.

    Raises HarnessError where the API has no sandbox, or the run itself fails.
    """
    variants = _sandbox(profile).variants(profile.states.terminal)
    with _own_environment() as folder, Sandbox(variants=dict(variants)) as sandbox:
        pools = _pools(profile, sandbox, ids) if profile.states.ids is not None else None
        source = (
            nullcontext(None)
            if pools is not None
            else counting_proxy.opened(sandbox.states_url, refusals(profile))
        )
        with source as proxy:
            states = proxy.url if proxy is not None else None
            path = folder / "rehearsal.toml"
            path.write_text(_text(profile, sandbox.url, states, pools), encoding="utf-8")
            loaded = load(path)
            # Empty lists are reported, and don't end the rehearsal.
            chosen = replace(options, output=folder / "reports", watch_s=None, insist=ids is not None)
            record = run(loaded, chosen, progress).record
            if not record.complete:
                raise HarnessError("the rehearsal was ended early", hint="Start it again.")
            used = dict(proxy.setups) if proxy is not None else _taken(loaded, pools or {})
            return Rehearsal(record, used, dict(proxy.actions) if proxy else {}, sandbox.requests)


def _sandbox(profile: Profile) -> SandboxUse:
    found = contracts.contract(profile.target.api).sandbox
    if found is None:
        raise HarnessError(f"{profile.target.api} has no sandbox to rehearse a run against")
    return found


def refusals(profile: Profile) -> Refuses:
    """Returns what the profile's source can't do: a command's words have no place for it, or no recipe leads there.

    An endpoint can do everything.
    """
    command, recipes = profile.states.command, profile.states.requests

    def refuses(action: str, params: Params) -> str:
        if recipes is not None:
            return _without_recipe(recipes, profile, action, params)
        if command is None:
            return ""
        needed = [name for name in ("owner", "environment", "webhook_url") if params.get(name) is not None]
        needed += ["action"] if action == "settle" else []
        missing = [name for name in needed if not takes(command, name)]
        return f"states.command has no {{{missing[0]}}} in it" if missing else ""

    return refuses


def _without_recipe(recipes: Recipes, profile: Profile, action: str, params: Params) -> str:
    if action != "setup":
        return "states.requests has no request that settles" if action == "settle" else ""
    states = contracts.contract(profile.target.api).states
    status = str(params.get("status"))
    kinds = (kind for kind in states.kinds if kind.params.items() <= params.items() and kind.status == status)
    pool = next((kind.pool for kind in kinds), status)
    recipe = recipes.states.get(pool)
    if recipe is None:
        return f"the profile has no [states.requests.{pool}]"
    heard = params.get("webhook_url") is None or recipe.names("webhook_url")
    return "" if heard else "states.requests has no {webhook_url} in it"


# -- the profile -----------------------------------------------------------------------------------------------


def _text(profile: Profile, url: str, states: str | None, pools: Pools | None) -> str:
    contract = contracts.contract(profile.target.api)
    lines = ["[target]", 'name = "Rehearsal"', f'api = "{contract.name}"', f'base_url = "{url}"']
    lines += ['environment = "test"']
    for owner, pair in profile.credentials.items():
        lines += [f"[credentials.{owner}]"]
        lines += [f'{item} = "${{{_variable(owner, item)}}}"' for item in contract.authentication.fields]
        if owner == "other_environment":
            # As a run without --allow-live treats it: nothing but reads goes to a live one beside a test one.
            reads = not is_live(profile.target.environment) and is_live(pair.environment)
            lines += [f'environment = "{"live" if reads else "test"}"']
    if profile.target.scope:
        lines += ["[scope]", *(f"{name} = {json.dumps(why)}" for name, why in profile.target.scope)]
    lines += ["[capabilities]"]
    lines += [f"{k} = {str(v).lower()}" for k, v in profile.capabilities.items() if v is not None]
    if profile.listen is not None:
        lines += ["[webhooks]", 'listen = "127.0.0.1:0"']
    lines += [
        "[limits]",
        f"concurrency = {profile.limits.concurrency}",
        f"max_requests = {_LONGEST}",
        "watch_s = 0",
        "[states]",
    ]
    if profile.states.terminal:
        lines += [f"terminal = {json.dumps(list(profile.states.terminal))}"]
    if profile.states.read_path is not None:
        lines += [f"read_path = {json.dumps(contract.requests.read_example)}"]
    if pools is not None:
        for owner, by_status in pools.items():
            lines += [f"[{ids_table(owner)}]"]
            lines += [f"{json.dumps(status)} = {json.dumps(list(ids))}" for status, ids in by_status.items()]
    elif states is not None and profile.states.source is not None:
        lines += [f'url = "{states}"']
    return "\n".join(lines) + "\n"


def _variable(owner: str, item: str) -> str:
    return f"REHEARSAL_{owner}_{item}".upper()


# -- lists of ids ----------------------------------------------------------------------------------------------


def _pools(profile: Profile, sandbox: Sandbox, ids: Mapping[tuple[str, str], int] | None) -> Pools:
    states = contracts.contract(profile.target.api).states
    statuses = dict.fromkeys((*states.documented(), *profile.states.terminal))
    made: Pools = {}
    for owner in profile.credentials:
        made[owner] = {}
        for status in statuses:
            plenty = _PLENTY if owner == "primary" and status == states.cancellable[0] else _ENOUGH
            number = plenty if ids is None else min(plenty, ids.get((owner, status), 0))
            made[owner][status] = tuple(
                _made(sandbox, profile, owner, {"status": status}) for _ in range(number)
            )
    for kind in states.kinds:
        declared = (profile.states.ids or {}).get("primary", {}).get(kind.pool)
        if declared is not None:
            params = {"status": kind.status, **kind.params}
            made["primary"][kind.pool] = tuple(
                _made(sandbox, profile, "primary", params) for _ in range(min(_ENOUGH, len(declared)))
            )
    return made


def _made(sandbox: Sandbox, profile: Profile, owner: str, params: Mapping[str, Any]) -> str:
    whose = {"primary": {}, "other_environment": {"environment": "other"}}.get(owner, {"owner": owner})
    message = {"action": "setup", "params": {"contract": profile.target.api, **params, **whose}}
    return str(counting_proxy.sent(sandbox.states_url, json.dumps(message).encode()).json()["id"])


def _taken(profile: Profile, pools: Pools) -> dict[tuple[str, str], int]:
    claims = Claims(ledger(profile))
    return {
        (owner, status): sum(map(claims.is_taken, ids))
        for owner, by_status in pools.items()
        for status, ids in by_status.items()
    }


# -- a folder and an environment of its own --------------------------------------------------------------------


@contextmanager
def _own_environment() -> Iterator[Path]:
    """Yields a folder for the rehearsal and sets its variables: real runs remember nothing of it."""
    with tempfile.TemporaryDirectory(prefix="payout-conformance-") as folder:
        ours = {"XDG_STATE_HOME": folder}
        for owners in CREDENTIALS.values():
            for owner, pair in owners.items():
                ours |= {_variable(owner, item): value for item, value in pair.items()}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ours.items():
                patch.setenv(name, value)
            yield Path(folder)
