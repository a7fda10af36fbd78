"""The requests of a problem as a shell script that performs them again: POSIX, pasted or in a file.

It takes fresh resources as its arguments, makes idempotency keys and signatures anew at each step, and reads secrets
from the environment variables that the profile names. Where nothing but one plain request is to be repeated, it is
that curl command. No errors.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from conformance.model import Auth, Check, Exchange, Headers, RunRecord
from conformance.report import steps as listed
from conformance.report.borrowed import Borrowed, borrowed_values
from conformance.report.curl import HAR, curl, once
from conformance.report.steps import Step, Steps, is_fresh

# A key as the checks make it: a random UUID.
UUID = (
    "uuid() { od -An -tx1 -N16 /dev/urandom | tr -d ' \\n' | "
    "sed 's/^\\(.\\{8\\}\\)\\(.\\{4\\}\\).\\(.\\{3\\}\\).\\(.\\{3\\}\\)/\\1-\\2-4\\3-a\\4-/'; }"
)
# From so many equal requests on, at the same time, a loop sends them.
_CROWD = 4
# No script waits longer between two requests.
_PATIENCE_S = 15
# Between the arguments of a command, as `curl` writes them; lines are filled up to so many characters.
_NEXT, _WIDTH = " \\\n  ", 100
# What curl prints of each of many answers.
_STATUS = "'%{http_code}\\n'"
_GONE = "# [redacted] stands for what was sent"
_MARK = "@@{}@@"
_MARKED = re.compile(r"@@((?:ID|KEY|REF)\d*|TAG)@@")
_PLAIN_WORD = re.compile(r"'([^'\"$`\\!]*(?:'\"\$\w+\"'[^'\"$`\\!]*)+)'")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_FUNCTION = re.compile(r"^(\w+)\(\)", re.MULTILINE)
# What a script defines itself.
_OWN = re.compile(r"(?:ID|KEY|REF)\d*|TAG|(?:TS|SIG)0?|PAIR")
# What makes a key that is no UUID another one in each run.
_RANDOM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,}")
_TAG = "TAG"


def script(record: RunRecord, check: Check, indices: Sequence[int]) -> str:
    """Returns the script for the requests at `indices`, without the functions of `functions`; empty for none."""
    if not indices:
        return ""
    found = listed.steps(record, check, indices)
    if len(found.steps) == 1:
        return "\n".join(_alone(record, found, found.steps[0]))
    return "\n".join(_together(record, found))


def after_a_good_one(
    record: RunRecord, check: Check, indices: Sequence[int], *, together: bool = True
) -> str:
    """Returns the script for one bad request behind a good one, `together` on one connection; empty where none is.

    A caller may be trusted for a good request, or for as long as a connection lasts: the bad one alone shows nothing.
    """
    found = listed.steps(record, check, indices)
    good = None if len(indices) != 1 else _good_before(record, found, indices[0])
    if good is None:
        return ""
    before = _named(curl(_marked(record, good, found), record.target, defined=False))
    *setup, first = re.sub(r"\b(TS|SIG)\b", r"\g<1>0", before).split("\ncurl ")
    *own, second = _command(record, found, found.steps[0]).rpartition("curl ")
    return "\n".join(
        [
            *(f"{one.name}={shlex.quote(one.id)}" for one in found.resources),
            *_keys(found),
            *(line for part in setup for line in part.split("\n")),
            f"{''.join(own[:-1])}curl {first} \\\n  --next {second}"
            if together
            else f"curl {first}\n{''.join(own[:-1])}curl {second}",
        ]
    )


def _good_before(record: RunRecord, found: Steps, last: int) -> Exchange | None:
    """Returns the documented read of the same resource that came latest before; None for none."""
    ids = [one.id for one in found.resources]
    return next(
        (
            one
            for one in reversed(record.exchanges[:last])
            if one.method == "GET"
            and one.auth is Auth.DOCUMENTED
            and (one.status or 0) // 100 == 2
            and listed.caller(one) == listed.PRIMARY
            and any(id_ in one.url for id_ in ids)
        ),
        None,
    )


def functions(record: RunRecord, scripts: Iterable[str]) -> tuple[str, ...]:
    """Returns the functions that these scripts call, each defined in one line; to be pasted once, before them."""
    every = (UUID, *once(record.target.api))
    text = "\n".join(scripts)
    return tuple(
        one
        for one in every
        if (name := _FUNCTION.match(one)) and re.search(rf"(?:\$\(|\| ){name[1]}\b", text)
    )


def whole(record: RunRecord, text: str) -> str:
    """Returns a script that needs nothing else to be pasted before it."""
    return "\n".join([*functions(record, [text]), text])


def variables(record: RunRecord, scripts: Iterable[str]) -> dict[str, str]:
    """Returns the environment variables that these scripts read, with the place in the profile that names each."""
    places: dict[str, str] = {}
    for place, name in record.target.env.items():
        owner, _, item = place.removeprefix("credentials.").rpartition(".")
        places.setdefault(name, f"{item} of [credentials.{owner}]" if owner else item)
    text = "\n".join(scripts)
    used = dict.fromkeys(name for name in _VARIABLE.findall(text) if not _OWN.fullmatch(name))
    return {name: places[name] for name in used if name in places}


def replay(check: str, run: str = "RUN") -> str:
    """Returns the command of the harness that performs a check again on fresh resources."""
    return f"payout-conformance replay {shlex.quote(run) if run != 'RUN' else run} {shlex.quote(check)}"


def within(text: str, run: str) -> str:
    """Returns a script in which files of the run have the folder of the run before their names."""
    return text.replace(f" {HAR}", f" {shlex.quote(run) if run != 'RUN' else run}/{HAR}")


def _alone(record: RunRecord, found: Steps, step: Step) -> Iterator[str]:
    for one in found.resources:
        yield f"{one.name}={shlex.quote(one.id)}"
    for name, value in named_values(record, found).items():
        yield f"{name}={shlex.quote(value.value)}"
    yield from _keys(found)
    yield _command(record, found, step)


def _together(record: RunRecord, found: Steps) -> Iterator[str]:
    """A function that is called with its file's arguments: pasted, it says what it wants, and can be called then."""
    yield "again() ("
    for number, one in enumerate(found.resources, 1):
        yield f"  {one.name}=${{{number}:?{one.name} is needed, {_plain(one.what)}}}"
    for number, (name, value) in enumerate(named_values(record, found).items(), len(found.resources) + 1):
        yield f"  {name}=${{{number}:?{name} is needed, {_plain(f'the {value.field} of {value.name}')}}}"
    yield from (f"  {one}" for one in _keys(found))
    rows, place = found.steps, 0
    while place < len(rows):
        end = next((at for at in range(place + 1, len(rows)) if not rows[at].together), len(rows))
        group = rows[place:end]
        looped = _loop(record, found, group)
        yield from looped or _one_by_one(record, found, group)
        place = end
    yield ")"
    names = [one.name for one in found.resources] + list(named_values(record, found))
    said = shlex.quote(f"Now: again {' '.join(names)}") if names else ""
    # Pasted, nothing is sent before somebody names what to take.
    yield f'if [ $# -ge {len(names)} ]; then again "$@"; else echo {said}; fi' if names else 'again "$@"'


def named_values(record: RunRecord, found: Steps) -> dict[str, Borrowed]:
    """Returns the values in these steps that belong to resources, by the names which a script has for them."""
    values = borrowed_values(record, found)
    return {f"REF{number}" if len(values) > 1 else "REF": one for number, one in enumerate(values, 1)}


def _one_by_one(record: RunRecord, found: Steps, group: Sequence[Step]) -> Iterator[str]:
    """Yields the commands of steps that were sent at the same time, or of a single one."""
    for step in group:
        if step.pause_s:
            yield f"  sleep {min(step.pause_s, _PATIENCE_S)}"
        said = shlex.quote(f"{step.number}. {step.request} (in the run: {step.answer})")
        command = [f"printf '\\n%s\\n' {said}", *_command(record, found, step).split("\n")]
        beside = ["  {", *(f"    {one}" for one in command), "  } &"]
        yield from beside if len(group) > 1 else [f"  {one}" for one in command]
    if len(group) > 1:
        yield "  wait"


def _loop(record: RunRecord, found: Steps, group: Sequence[Step]) -> list[str]:
    """Returns a loop where the same request is sent many times at once, which prints statuses; empty otherwise."""
    commands = {_command(record, found, step) for step in group}
    if len(group) < _CROWD or len(commands) > 1:
        return []
    numbers = " ".join(str(step.number) for step in group)
    command = commands.pop().replace("curl -sS -i ", f"curl -sS -o /dev/null -w {_STATUS} ", 1)
    return [
        f"  for n in {numbers}; do",
        "    {",
        *(f"      {one}" for one in command.split("\n")),
        "    } &",
        "  done",
        "  wait",
    ]


def _plain(words: str) -> str:
    """Returns words in which nothing means anything to a shell."""
    return re.sub(r"[^\w ,;.-]", " ", words)


def _keys(found: Steps) -> Iterator[str]:
    """New keys; one that was another in other letters is that again."""
    made: dict[str, str] = {}
    for key, name in found.keys.items():
        if not is_fresh(key):
            continue
        known = made.get(key.lower())
        swap = "a-z A-Z" if key == key.upper() else "A-Z a-z"
        yield f"{name}=$(uuid)" if known is None else f'{name}=$(printf %s "${known}" | tr {swap})'
        made.setdefault(key.lower(), name)
    tag = _tag(found)
    if "-" in tag:
        yield f"{_TAG}=$(uuid)"
    elif tag.isdigit():
        yield f"{_TAG}=1$(uuid | tr -d - | tr a-f 0-5 | cut -c2-{len(tag)})"
    elif tag:
        yield f"{_TAG}=$(uuid | tr -d - | cut -c1-{len(tag)})"


def _tag(found: Steps) -> str:
    """Returns the random part of the keys that are no UUID: a key that was used is no new one; empty for none."""
    keys = [key for key in found.keys if not is_fresh(key)]
    parts = sorted((part for key in keys for part in _RANDOM.findall(key)), key=len)
    return next((part for part in parts if all(part in key for key in keys)), "")


def _command(record: RunRecord, found: Steps, step: Step) -> str:
    exchange = record.exchanges[step.index]
    text = _named(
        curl(_marked(record, exchange, found), record.target, index=step.index, defined=False, said=step.sent)
    )
    if listed.hung_up(exchange):
        # It is the caller who hangs up, and sends what follows all the same.
        text = (
            text.replace("curl -sS ", f"curl -sS --max-time {max(exchange.duration_s, 0.05):.2f} ", 1)
            + " || true"
        )
    if _GONE in text:
        # Sent as it stands it would be refused, as if the fault were mended.
        return "echo 'not sent: records do not keep these credentials, and replay makes them again'"
    *setup, command = text.split(_NEXT)[0].split("\n")
    filled = [command]
    for part in text.split(_NEXT)[1:]:
        if len(filled[-1]) + len(part) < _WIDTH:
            filled[-1] += f" {part}"
        else:
            filled.append(part)
    return "\n".join([*setup, _NEXT.join(filled)])


def _marked(record: RunRecord, exchange: Exchange, found: Steps) -> Exchange:
    """Returns the request with a mark in place of each resource and each key."""
    body, headers = exchange.request_body, exchange.request_headers
    names = {one.id: _MARK.format(one.name) for one in found.resources}
    names |= {one.value: _MARK.format(name) for name, one in named_values(record, found).items()}
    names |= {key: _MARK.format(name) for key, name in found.keys.items() if is_fresh(key)}
    keyed = names | ({tag: _MARK.format(_TAG)} if (tag := _tag(found)) else {})
    # The length of what was sent, unless that was the point.
    told = ("content-length", str(len(body)))
    marked: Headers = tuple(
        (name, _put(value, keyed)) for name, value in headers if not body or (name.lower(), value) != told
    )
    for id_, mark in names.items():
        body = body.replace(id_.encode("utf-8", "surrogateescape"), mark.encode())
    return replace(exchange, url=_put(exchange.url, names), request_headers=marked, request_body=body)


def _put(text: str, names: dict[str, str]) -> str:
    for id_, mark in names.items():
        text = text.replace(id_, mark)
    return text


def _named(command: str) -> str:
    """Puts variables in place of the marks, all of which stand between single quotes."""
    put = _MARKED.sub(lambda found: f"'\"${found[1]}\"'", command)
    return _PLAIN_WORD.sub(_double, put)


def _double(found: re.Match[str]) -> str:
    """Returns a word in double quotes, where it holds nothing that they would change."""
    return '"' + re.sub(r"'\"\$(\w+)\"'", r"${\1}", found[1]) + '"'
