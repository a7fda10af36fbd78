"""Renders answers as a profile, every line explained, and as a template for its secrets."""

import json
import re

from conformance import catalogue
from conformance.init import requests
from conformance.init.answers import Answers, Source
from conformance.profile import is_live

_STATES = {
    Source.URL: """\
# Resources come from a provider-state endpoint. It gets, for each one,
#   POST {{"action": "setup", "state": "a {noun} with status {first}",
#         "params": {{"contract": "{api}", "status": "{first}"}}}}
# and answers 200 with {{"id": "..."}}. params may also hold owner, environment, and more: see the README.
# A secret in this address is written as ${{NAME}}.
""",
    Source.COMMAND: """\
# Resources come from a program, which prints an id, or JSON with one. It runs in this file's folder.
# {{status}}, {{owner}}, {{environment}} and more are filled in: see the README.
""",
    Source.IDS: """\
# Resources come from lists, below: each id is used once, so fill in fresh ones for every run.
""",
    Source.REQUESTS: """\
# Resources are created by the target's own API, below. {{unique}}, {{status}}, {{now}} and {{id}} are filled in: see
# the README.
""",
    Source.SANDBOX: """\
# Resources come from the embedded sandbox: `payout-conformance sandbox` serves it.
""",
}


def profile(answers: Answers) -> str:
    """Returns the text of the TOML file."""
    return "\n".join(
        [
            # Editors that know TOML complete keys by this line, and explain them.
            f"#:schema {schema()}",
            "# A profile for payout-conformance: one target, one API. No secret belongs in here.",
            "",
            _target(answers),
            *(_credentials(answers, owner) for owner in answers.owners),
            *_absent(answers),
            *_scope(answers),
            _capabilities(answers),
            *([_webhooks(answers)] if answers.listen and answers.contract.webhooks else []),
            _limits(answers),
            # Last, because of its own tables.
            _states(answers),
        ]
    )


def environment(answers: Answers, name: str) -> str:
    """Returns the text of the file of variables for the profile `name`: their names, without values."""
    lines = [
        f"# What {name} reads from the environment. Fill in the values; keep this file out of version control.",
        "# Put values with other characters than letters and digits in 'single quotes'.",
    ]
    for owner in answers.owners:
        lines += ["", f"# {_WHO[owner]}", *(f"{variable}=" for variable in answers.variables(owner).values())]
    others = list(dict.fromkeys(_NAMES.findall(" ".join(value for _, value in answers.headers))))
    lines += ["", "# For the headers of every request.", *(f"{one}=" for one in others)] if others else []
    return "\n".join(lines) + "\n"


def schema() -> str:
    """Returns the address of the JSON Schema of a profile, as it is installed here."""
    return (catalogue.specs_dir() / "formats" / "profile.schema.json").resolve().as_uri()


_NAMES = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WHO = {
    "primary": "The merchant whose payouts are cancelled.",
    "other_merchant": "A second merchant of the same environment, who must not see the first one's payouts.",
    "other_environment": "The first merchant in the other environment (of test and live): nothing is shared with it.",
}


def _target(answers: Answers) -> str:
    return f"""\
[target]
name = {_toml(answers.name)}  # as reports will call it
api = {_toml(answers.api)}
base_url = {_toml(answers.base_url)}  # what {answers.contract.example} is appended to
{_headers(answers)}environment = {_toml(answers.environment)}  # any word; live ones need --allow-live
"""


def _headers(answers: Answers) -> str:
    if not answers.headers:
        return ""
    rows = ", ".join(f"{_toml(name)} = {_toml(value)}" for name, value in answers.headers)
    return f"headers = {{ {rows} }}  # sent with every request\n"


def _scope(answers: Answers) -> list[str]:
    if not answers.scope:
        return []
    rows = "".join(f"{name} = {_toml(why)}\n" for name, why in answers.scope.items())
    return [
        f"# What is not certified, and why: stands beside the verdict wherever that appears.\n[scope]\n{rows}"
    ]


def _credentials(answers: Answers, owner: str) -> str:
    lines = [f"# {_WHO[owner]}", f"[credentials.{owner}]"]
    lines += [f'{item} = "${{{variable}}}"' for item, variable in answers.variables(owner).items()]
    if owner == "other_environment" and not is_live(answers.environment):
        lines += [
            "# Live beside a test target, so nothing but reads is sent with it. Where it is a test one, too, say so,",
            "# and more can be tested:",
            '# environment = "test"',
        ]
    return "\n".join(lines) + "\n"


def _absent(answers: Answers) -> list[str]:
    """Returns commented-out tables for the credentials that were left out."""
    return [
        f"# Without these, what others must not see is not testable, and a run stays inconclusive:\n"
        f"# [credentials.{owner}]\n"
        + "".join(f'# {item} = "${{{variable}}}"\n' for item, variable in answers.variables(owner).items())
        for owner in answers.contract.others
        if owner not in answers.owners and owner not in answers.scope
    ]


def _capabilities(answers: Answers) -> str:
    lines = ["[capabilities]"]
    for one in answers.contract.capabilities:
        value = answers.capabilities.get(one.name)
        lines.append(
            f"# {one.name} = true  # {one.undeclared}"
            if value is None and one.undeclared
            else f"{one.name} = {_toml(bool(value))}  # {one.help}"
        )
    lines.append(
        f"settlement = {_toml(answers.settlement)}  # whether the source can be asked to pay a resource now"
    )
    if answers.contract.webhooks:
        lines.append(f"webhooks = {_toml(bool(answers.listen))}  # whether webhooks reach this machine")
    return "\n".join(lines) + "\n"


def _webhooks(answers: Answers) -> str:
    public = (
        f"public_url = {_toml(answers.public_url)}"
        if answers.public_url
        else '# public_url = "https://..."  # where the target reaches that address, if it isn\'t on this machine'
    )
    return f"[webhooks]\nlisten = {_toml(answers.listen or '')}  # port 0 takes a free one\n{public}\n"


def _limits(answers: Answers) -> str:
    rate = answers.requests_per_second
    return f"""\
[limits]
timeout_s = 10  # for one request and its whole answer
{"# requests_per_second = 20  # no limit without it" if rate is None else f"requests_per_second = {rate:g}"}
concurrency = 8  # requests in flight at once
max_requests = 5000  # in one run
watch_s = 10  # from the last cancel to a last look at what was cancelled
"""


def _states(answers: Answers) -> str:
    contract = answers.contract
    text = "[states]\n" + _STATES[answers.source].format(
        noun=contract.noun, first=contract.states.cancellable[0], api=contract.name
    )
    if answers.source is Source.IDS and contract.sandbox is not None:
        text += "# `payout-conformance plan` says how many a run needs.\n"
    if answers.source is Source.URL:
        text += f"url = {_toml(answers.states_url)}\n"
    elif answers.source is Source.COMMAND:
        text += f"command = [{', '.join(map(_toml, answers.command))}]\n"
    elif answers.source is Source.SANDBOX:
        text += "sandbox = true\n"
    if answers.source in (Source.URL, Source.COMMAND, Source.REQUESTS):
        text += "# requests_per_second = 2  # of this source alone, where it has a quota\n"
    if contract.states.named_by_profile:
        text += "# The names of all terminal states: one that isn't here is never tried.\n"
        text += f"terminal = [{', '.join(map(_toml, answers.final))}]\n"
    text += _read_path(answers)
    if answers.source is Source.REQUESTS:
        text += "\n" + requests.text(answers)
    if answers.source is Source.IDS:
        text += "\n" + "\n".join(_pool(answers, owner) for owner in answers.owners)
    return text


def _read_path(answers: Answers) -> str:
    contract, text = answers.contract, ""
    if contract.requests.read is None and answers.read_path:
        text += f"# Where {contract.a(contract.noun)} can be read.\nread_path = {_toml(answers.read_path)}\n"
    elif contract.requests.read is None:
        example = _toml(contract.requests.read_example or "/.../{id}")
        text += f"# read_path = {example}  # where one can be read, if anywhere: more is seen then\n"
    return text


def _pool(answers: Answers, owner: str) -> str:
    table = "states.ids" if owner == "primary" else f"states.ids.{owner}"
    states = answers.contract.states
    final = (*(one for one in states.final if one in answers.final), *answers.final) or states.final
    statuses = dict.fromkeys((*states.transient, *final))
    return f"[{table}]\n" + "".join(f'{_key(status)} = []  # "id", "id"\n' for status in statuses)


def _key(status: str) -> str:
    return (
        status if status.replace("_", "").replace("-", "").isalnum() and status.isascii() else _toml(status)
    )


def _toml(value: str | bool) -> str:
    # What JSON escapes, TOML reads alike.
    return json.dumps(value, ensure_ascii=False)
