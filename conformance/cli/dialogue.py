"""Asks the questions of `init` on a terminal: each with its reason and, where there is one, a default."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from conformance.cli.terminal import style

if TYPE_CHECKING:
    from conformance.contract import Contract


def ask(known: dict[str, Any]) -> dict[str, Any]:
    """Returns `known` completed by answers. Raises click.Abort where the terminal is closed or Ctrl-C typed."""
    found = dict(known)
    _tell(
        "A profile names one target and one API. Enter takes what stands in [brackets]; Ctrl-C writes nothing."
    )
    _target(found)
    _source(found)
    _others(found)
    _capabilities(found)
    return found


def _target(found: dict[str, Any]) -> None:
    from conformance import contracts
    from conformance.init import shortened

    if found["api"] is None:
        _tell(
            "\n".join(
                f"{one.name}: POST {one.requests.cancel}, {one.authentication.summary}."
                for one in contracts.every()
            )
        )
        found["api"] = click.prompt("Which API", type=click.Choice(contracts.names()))
    if not found["base_url"]:
        _tell("What the paths of the API are appended to, like https://sandbox.acme.test")
        found["base_url"] = click.prompt("Base URL", value_proc=_url)
        cut = shortened(found["base_url"])
        if cut != found["base_url"].rstrip("/"):
            _tell(f"The API's own path is appended to it, so this will be {cut}")
        found["base_url"] = cut
    if found["name"] is None:
        found["name"] = click.prompt(
            "Name of the target, for reports", default=urlsplit(found["base_url"]).hostname
        )
    if found["environment"] is None:
        _tell(
            "A run cancels payouts. Those of a live environment are refused unless a run says --allow-live."
        )
        found["environment"] = click.prompt("Environment (test, staging, live, ...)", default="test")


def _source(found: dict[str, Any]) -> None:
    if found["source"] is None:
        _tell("Checks need payouts that are pending, paid and so on, new ones in every run. They come from\n"
              "  url      an endpoint that makes one on request (a Pact provider-state handler will do)\n"
              "  requests the target's own API, which creates one (a sandbox of somebody else)\n"
              "  command  a program that makes one and prints its id\n"
              "  ids      lists of ids in the profile\n"
              "  sandbox  the embedded sandbox, where that is the target")  # fmt: skip
        choices = ["url", "requests", "command", "ids", "sandbox"]
        found["source"] = click.prompt("Source of payouts", type=click.Choice(choices), default="url")
    if found["source"] == "url" and not found["states_url"]:
        default = f"{found['base_url']}/_states"
        found["states_url"] = click.prompt("Address of that endpoint", default=default, value_proc=_url)
    if found["source"] == "requests" and found["create"] is None:
        _create(found)
    if found["source"] == "command" and not found["states_command"]:
        default = "./make-payout {status} {owner} {environment}"
        found["states_command"] = click.prompt("Program and arguments", default=default)


def _create(found: dict[str, Any]) -> None:
    from conformance.cli import requests

    described = found["described"]
    collection = _contract(found).requests.cancel.partition("/{")[0] if described is None else described.path
    _tell(
        "A resource is created by a POST, authenticated like any other. What leads to further states is in comments."
    )
    found["states_requests"] = click.prompt("Path of that POST", default=collection)
    found["create_json"] = click.prompt("Its JSON body", default=_body(described))
    found["create"] = requests.create(found)


def _body(described: Any) -> str:
    return (
        json.dumps(described.body)
        if described is not None and described.body
        else '{"reference": "{unique}"}'
    )


def _others(found: dict[str, Any]) -> None:
    if found["other_merchant"] is None:
        _tell(
            "What one merchant may not see of another's can only be tested with a second merchant's credentials."
        )
        found["other_merchant"] = click.confirm(
            "Will you have credentials of a second merchant", default=True
        )
    if _contract(found).environments and found["other_environment"] is None:
        _tell("Likewise for the other environment (of test and live) of the first merchant.")
        found["other_environment"] = click.confirm("Will you have credentials of that", default=True)


def _capabilities(found: dict[str, Any]) -> None:
    contract = _contract(found)
    for one in contract.capabilities:
        if found["capabilities"].get(one.name) is None:
            question = one.question or f"{one.name}: {one.help}"
            found["capabilities"][one.name] = click.confirm(question, default=True)
    if contract.requests.read is None and found["read_path"] is None:
        _tell(
            f"If {contract.a(contract.noun)} can be read somewhere, checks can look at what a cancel really did."
        )
        path = click.prompt("Path to read one, or nothing", default="", show_default=False)
        found["read_path"] = path or None
    if contract.states.named_by_profile and found["terminal"] is None:
        names = ",".join(contract.states.suggested)
        found["terminal"] = click.prompt("Names of the terminal states, with commas between", default=names)
    if contract.webhooks and found["webhooks"] is None:
        _webhooks(found)
    if found["settlement"] is None and found["source"] in ("url", "command", "sandbox"):
        _tell("Races between a cancel and the payment need a source that can be told to pay (action settle).")
        found["settlement"] = click.confirm("Can it", default=found["source"] == "sandbox")


def _webhooks(found: dict[str, Any]) -> None:
    if click.confirm("Can webhooks reach this machine", default=False):
        found["webhooks"] = click.prompt("Listen on", default="127.0.0.1:8099")
        url = click.prompt("Where the target reaches that, or nothing", default="", show_default=False)
        found["webhooks_url"] = url or None


def _contract(found: dict[str, Any]) -> "Contract":
    from conformance import contracts

    return contracts.contract(found["api"])


def _url(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError("it looks like https://host[:port]/path")
    return text.strip()


def _tell(text: str) -> None:
    click.echo("\n" + style(text, "dim"))
