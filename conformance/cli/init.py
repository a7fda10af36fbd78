"""`init`: writes the first profile, from answers on a terminal or from options."""

import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from conformance.cli import requests as cli_requests
from conformance.cli.terminal import guarded, style

_FLAGS = {
    "url": "--states-url",
    "requests": "--create",
    "command": "--states-command",
    "ids": "--states-ids",
    "sandbox": "--states-sandbox",
}


class _Init(click.Command):
    """The command with the options that the contracts bring: the names of the APIs, and their capabilities.

    Asked for when the command runs, since a package may bring further contracts.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from conformance import contracts

        return [*_contract_options(contracts.names()), *super().get_params(ctx)]


@cache
def _contract_options(names: tuple[str, ...]) -> tuple[click.Option, ...]:
    from conformance import contracts

    found = {"api": click.Option(["--api"], type=click.Choice(names), help="Which API.")}
    for contract in contracts.every():
        for one in contract.capabilities:
            flag = one.name.replace("_", "-")
            found.setdefault(
                one.name,
                click.Option([f"--{flag}/--no-{flag}"], default=None, help=f"{contract.name}: {one.help}."),
            )
    return tuple(found.values())


@click.command(cls=_Init)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]")
@click.option("--base-url", metavar="URL", help="What the API's paths are appended to.")
@click.option(
    "--openapi",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take API and base URL from an OpenAPI file.",
)
@click.option("--name", help="What reports call the target; the files are named after it.")
@click.option(
    "--environment", metavar="WORD", help="Of the credentials: test, staging, live, ... [default: test]"
)
@click.option("--states-url", metavar="URL", help="Resources come from this provider-state endpoint.")
@click.option("--states-command", metavar="COMMAND", help="Resources come from this program.")
@click.option("--states-ids", is_flag=True, help="Resources come from lists of ids in the profile.")
@click.option(
    "--create",
    "states_requests",
    metavar="PATH",
    help="Resources are created by the target's own API: POST to this path.",
)
@click.option("--create-json", metavar="JSON", help="The body of --create; {unique} is filled in.")
@click.option("--create-id", metavar="POINTER", help="Where the id stands in its answer: a JSON Pointer.")
@click.option(
    "--magic",
    multiple=True,
    metavar="STATE=JSON",
    help="What leads to a state when it is merged into --create-json; may be repeated.",
)
@click.option(
    "--step",
    multiple=True,
    metavar="STATE=PATH",
    help="A POST that follows the create, with {id} in it, and leads to a state; may be repeated.",
)
@click.option("--states-sandbox", is_flag=True, help="The target is the embedded sandbox.")
@click.option(
    "--other-merchant/--no-other-merchant", default=None, help="Name a second merchant's credentials."
)
@click.option(
    "--other-environment/--no-other-environment",
    default=None,
    help="Name the credentials of the merchant's other environment, where the API has two.",
)
@click.option(
    "--read-path",
    metavar="PATH",
    help="Where a resource can be read, with {id} in it, if no read is documented.",
)
@click.option(
    "--terminal",
    metavar="NAMES",
    help="The terminal states, with commas between, where the document doesn't name them.",
)
@click.option("--settlement/--no-settlement", default=None, help="Whether the source can be asked to pay.")
@click.option(
    "--webhooks",
    metavar="ADDRESS",
    help="Listen for webhooks there (127.0.0.1:8099), where the API has them.",
)
@click.option("--webhooks-url", metavar="URL", help="Where the target reaches that address.")
@click.option(
    "--header",
    multiple=True,
    metavar="NAME:VALUE",
    help="Sent with every request; a secret is ${NAME}. May be repeated.",
)
@click.option(
    "--scope",
    multiple=True,
    metavar="NAME=REASON",
    help="What is not certified (other_merchant, other_environment), and why.",
)
@click.option("--requests-per-second", type=click.FloatRange(min=0.001), metavar="N", help="A limit.")
@click.option("--prefix", metavar="NAME", help="Begins the names of the environment variables.")
@click.option("--force", is_flag=True, help="Replace a profile that is there.")
@guarded
def init(file: Path | None, **given: Any) -> int:
    """Write a commented profile, and a template for its secrets.

    Asks on a terminal for what the options leave open; elsewhere, what is missing is an error. FILE is the profile
    (default: named after the target); its variables go beside it, into FILE.env.
    """
    from conformance.init import write
    from conformance.init.answers import slug

    answers = _answers(_known(given), asks=sys.stdin.isatty())
    path = file or Path(f"{slug(answers.name)}.toml")
    written = write(answers, path, force=given["force"])
    _tell(written, answers)
    return 0


def _known(given: dict[str, Any]) -> dict[str, Any]:
    """Returns the options, completed from the OpenAPI file and the base URL."""
    from conformance import contracts
    from conformance.errors import UsageError
    from conformance.init import read, shortened

    known = dict(given)
    own = {one.name for contract in contracts.every() for one in contract.capabilities}
    known["capabilities"] = {name: known.pop(name) for name in sorted(own)}
    if given["openapi"] is not None:
        found = [one for one in read(given["openapi"]) if given["api"] in (None, one.api)]
        if not found:
            raise UsageError(
                f"{given['openapi']} doesn't describe {given['api']}",
                hint="Leave --api out: the file says which it is.",
            )
        if len(found) > 1:
            raise UsageError(
                f"{given['openapi']} describes {' and '.join(one.api for one in found)}",
                hint=f"Say which: --api {' or --api '.join(one.api for one in found)}.",
            )
        known["api"] = found[0].api
        known["base_url"] = given["base_url"] or found[0].base_url
        known["read_path"] = given["read_path"] or found[0].read_path
        known["described"] = found[0].create
    if known["base_url"]:
        known["base_url"] = shortened(known["base_url"])
    sources = [one for one in _FLAGS if known[f"states_{one}"]]
    if len(sources) > 1:
        flags = " and ".join(_FLAGS[one] for one in sources)
        raise UsageError(
            f"{flags} exclude each other", hint="Resources come from one source: keep one of them."
        )
    described = known.setdefault("described", None)
    known["source"] = sources[0] if sources else _by_default(described)
    known["create"] = cli_requests.create(known) if known["source"] == "requests" else None
    known["headers"] = cli_requests.headers(known["header"])
    known["scope"] = cli_requests.pairs("--scope", known["scope"])
    for owner in known["scope"]:
        if owner in known and known[owner] is None:
            known[owner] = False
    return known


def _by_default(described: Any) -> str | None:
    """Returns the source where no option names one: the create of the OpenAPI file, unless a person can be asked."""
    return "requests" if described is not None and not sys.stdin.isatty() else None


def _answers(known: dict[str, Any], *, asks: bool) -> Any:
    from conformance.init import Answers, Source

    if asks:
        from conformance.cli.dialogue import ask

        known = ask(known)
    else:
        _complete(known)
    api = known["api"]
    plain: dict[str, Any] = {
        "name": known["name"] or urlsplit(known["base_url"]).hostname or "target",
        "api": api,
        "base_url": known["base_url"],
        "source": Source(known["source"]),
        "states_url": known["states_url"] or "",
        "command": tuple(_words(known["states_command"] or "")),
        "listen": known["webhooks"],
        "public_url": known["webhooks_url"],
        "settlement": bool(known["settlement"]),
        "create": known["create"],
        "headers": known["headers"],
        "scope": known["scope"],
        "capabilities": {name: value for name, value in known["capabilities"].items() if value is not None},
    }
    if known["terminal"]:
        plain["terminal"] = tuple(one.strip() for one in known["terminal"].split(",") if one.strip())
    others = (
        "environment",
        "other_merchant",
        "other_environment",
        "read_path",
        "requests_per_second",
        "prefix",
    )
    plain |= {name: known[name] for name in others if known[name] is not None}
    _fitting(plain)
    return Answers(**plain)


def _complete(known: dict[str, Any]) -> None:
    """Raises UsageError where an option is missing: without a terminal there are no questions."""
    from conformance import contracts
    from conformance.errors import UsageError

    missing = []
    if not known["base_url"]:
        missing.append("--base-url URL" if known["openapi"] else "--base-url URL (or --openapi FILE)")
    if not known["api"]:
        missing.append(f"--api {'|'.join(contracts.names())}")
    if not known["source"]:
        missing.append(
            "--states-url URL, --create PATH, --states-command COMMAND, --states-ids or --states-sandbox"
        )
    if missing:
        raise UsageError(
            f"there is no terminal to ask on, and not enough was said: {'; '.join(missing)}",
            hint="Give these options, or run it on a terminal.",
        )


def _fitting(plain: dict[str, Any]) -> None:
    """Raises UsageError for an option that means nothing to the API, or can't be used."""
    import re

    from conformance import contracts
    from conformance.errors import UsageError

    contract = contracts.contract(plain["api"])
    for flag in _strange(plain, contract):
        raise UsageError(f"{flag} means nothing to {contract.name}", hint="Leave it out.")
    cli_requests.fits(
        plain["create"], contract.states.every(plain.get("terminal") or contract.states.suggested)
    )
    if plain["public_url"] and not plain["listen"]:
        raise UsageError(
            "--webhooks-url needs --webhooks", hint="Say where to listen: --webhooks 0.0.0.0:8099."
        )
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", plain.get("prefix", "A")):
        raise UsageError(
            f"--prefix {plain['prefix']!r} can't begin the name of a variable",
            hint="Use letters, digits and underscores, like ACME.",
        )
    if not plain["name"].isprintable():
        raise UsageError("--name has a control character in it", hint="Give it plain letters.")


def _strange(plain: dict[str, Any], contract: Any) -> Iterator[str]:
    """Yields the options that were given and mean nothing to the API."""
    if plain.get("terminal") is not None and not contract.states.named_by_profile:
        yield "--terminal"
    if plain["listen"] is not None and not contract.webhooks:
        yield "--webhooks"
    if plain["public_url"] is not None and not contract.webhooks:
        yield "--webhooks-url"
    if plain.get("read_path") is not None and contract.requests.read is not None:
        yield "--read-path"
    for name in plain["capabilities"].keys() - {one.name for one in contract.capabilities}:
        yield f"--{name.replace('_', '-')}"


def _words(command: str) -> list[str]:
    from conformance.errors import UsageError

    try:
        return shlex.split(command)
    except ValueError as fault:
        raise UsageError(
            f"--states-command can't be split into words: {fault}",
            hint="It is read as a shell would: check its quotes.",
        ) from None


def _tell(written: Any, answers: Any) -> None:
    """Prints which files were written, and the next commands."""
    profile, variables = (shlex.quote(str(one)) for one in (written.profile, written.variables))
    click.echo(f"Wrote {style(str(written.profile), 'bold')}: read it, every line is explained.")
    kept = (
        "kept, with the names that it lacked"
        if written.kept
        else "the names of its variables, to be filled in"
    )
    click.echo(f"Wrote {style(str(written.variables), 'bold')}: {kept}. Keep it out of git:")
    click.echo(f"    echo {shlex.quote(written.variables.name)} >> .gitignore")
    click.echo("\nNext:")
    steps = [f"edit {variables}   # the credentials"]
    if answers.source == "ids" and answers.contract.sandbox is not None:
        steps.append(
            f"payout-conformance plan {profile}   # how many ids of each state to put into {profile}"
        )
    steps += [
        f"payout-conformance doctor {profile} --env-file {variables}   # is everything right?",
        f"payout-conformance run {profile} --env-file {variables}   # the verdict",
    ]
    for step in steps:
        click.echo(f"    {step}")
