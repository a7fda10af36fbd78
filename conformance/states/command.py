"""Resources from a command that prints an id, or the JSON that a provider-state endpoint would answer."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from conformance import contracts
from conformance.errors import NotTestable, SourceSilent, StateRefused
from conformance.states.prepared_resources import PreparedResources
from conformance.states.resource import Resource, Wanted

_TIMEOUT_S = 60.0
# Before a command runs again that has made such a resource before, and fails now.
_PAUSES_S = (0.1, 0.3)
_COUNT = "{count}"
# The most resources per start of the command: unused ones are waste.
_MOST = 32
# A command without these placeholders can't make such a resource. The values stand for "nothing special".
_SPECIAL = {"owner": "primary", "environment": "own", "webhook_url": ""}


def takes(command: Sequence[str], name: str) -> bool:
    """Returns whether a command is told `name`: by its placeholder or, where it has none at all, by the message."""
    placeholders = ("status", "contract", "action", "id", "count", *_usual())
    present = [known for known in placeholders if any(f"{{{known}}}" in part for part in command)]
    return name in present or not present


class StateCommand:
    """Runs the profile's command in the profile's folder, placeholders filled in.

    `{status}`, `{contract}`, `{owner}`, `{environment}`, `{webhook_url}`, `{action}`, `{id}`, `{count}` and the params
    of the contracts' kinds of resources are known; the whole provider-state message comes on standard input. Only a
    command with `{action}` is asked to tear down. A command with `{count}` may print many at once, one a line: those
    that come ahead of need wait in `prepared`. A command without any placeholder can only learn from the message what
    is wanted: it is taken to read that, and asked for everything else.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        redact: Callable[[str], str] = str,
        pace: Callable[[], object] = lambda: None,
        prepared: PreparedResources | None = None,
    ) -> None:
        self._command = tuple(command)
        self._folder = folder
        # Messages quote a part of the output: half of a secret would no longer be known for one.
        self._redact = redact
        # Waits until the program may be asked once more.
        self._pace = pace
        self._prepared = prepared
        # What it has made before.
        self._able: set[Wanted] = set()

    def setup(self, wanted: Wanted) -> Resource:
        """Runs the command once, or again where it fails now and then; NotTestable tells what it said last."""
        # A further kind needs no placeholder: a capability holds for all resources until the command says otherwise.
        for name in _SPECIAL:
            if getattr(wanted, name) is not None and not takes(self._command, name):
                raise NotTestable(
                    f"states.command has no {{{name}}} in it, so it can't make {wanted.described()}",
                    hint=f'Add "{{{name}}}" to the command\'s arguments.',
                )
        try:
            made = self._had(wanted)
        except StateRefused:
            if wanted not in self._able:
                raise
            # It has made such resources before: what it asks may be unavailable now and then.
            made = self._once_more(wanted)
        self._able.add(wanted)
        return made

    def _once_more(self, wanted: Wanted) -> Resource:
        """Asks a few times again."""
        for pause in _PAUSES_S:
            time.sleep(pause)
            with suppress(StateRefused):
                return self._had(wanted)
        return self._had(wanted)

    def _had(self, wanted: Wanted) -> Resource:
        many = self._prepared is not None and any(_COUNT in part for part in self._command)
        if self._prepared is None or not many:
            return self._made(wanted, self._run("setup", wanted, ""))
        kept = self._prepared.take(wanted)
        if kept is not None:
            return kept
        lines = self._run("setup", wanted, "", self._prepared.batch(wanted, _MOST)).splitlines()
        first, *more = [self._made(wanted, line.strip()) for line in lines if line.strip()] or [
            self._made(wanted, "")
        ]
        for one in more:
            self._prepared.put(one)
        return first

    def _made(self, wanted: Wanted, said: str) -> Resource:
        """Returns the resource that the command has printed."""
        facts: dict[str, Any] = {}
        one: object = said
        if said.startswith("{"):
            try:
                facts = json.loads(said)
                one = facts.get("id")
            except (ValueError, RecursionError):
                one = None
        elif len(said.split()) != 1:
            one = None
        if not isinstance(one, str | int) or isinstance(one, bool) or not str(one):
            raise NotTestable(
                f"states.command printed neither an id nor JSON with one: {self._redact(said)[:160]!r}",
                hint="It prints an id on one line, or the JSON of a provider-state answer, and nothing else.",
            )
        return Resource(str(one), wanted, facts)

    def teardown(self, resource: Resource) -> None:
        """Offers a resource back to a command that takes `{action}`."""
        if any("{action}" in part for part in self._command):
            try:
                self._run("teardown", resource.wanted, resource.id)
            except NotTestable:
                return

    def settle(self, resource: Resource) -> None:
        """Asks for payment now, of a command that takes `{action}` or reads the message."""
        if not takes(self._command, "action"):
            raise NotTestable(
                "states.command has no {action} in it, so it can't settle", hint='Add "{action}" and "{id}".'
            )
        self._run("settle", resource.wanted, resource.id)

    def _run(self, action: str, wanted: Wanted, one: str, count: int = 1) -> str:
        params = wanted.params()
        values = {**_usual(), **{k: _word(v) for k, v in params.items()}, "action": action, "id": one}
        values["count"] = str(count)
        params |= {"id": one} if one else {}
        message = {"action": action, "state": wanted.state(), "params": params}
        words = list(self._command)
        for name, value in values.items():
            words = [word.replace(f"{{{name}}}", value) for word in words]
        self._pace()
        try:
            done = subprocess.run(
                words,
                input=json.dumps(message),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                cwd=self._folder,
                env=os.environ,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SourceSilent(
                f"states.command took longer than {_TIMEOUT_S:.0f} s",
                hint="Run it by hand: does it wait for input?",
            ) from None
        except ValueError:
            # The command printed this id itself, and no command line can hold it.
            raise NotTestable(
                f"states.command can't be told {one!a}: it holds a NUL, or half of a character",
                hint="Hand out ids of resources that the target has.",
            ) from None
        except OSError as fault:
            raise SourceSilent(
                f"states.command can't be run: {fault.strerror}: {words[0]}",
                hint="Its path is taken from the profile's folder; is it executable?",
            ) from fault
        if done.returncode != 0:
            said = self._redact(done.stderr.strip())[-160:]
            raise StateRefused(
                f"states.command can't make {wanted.described()}: exit {done.returncode}, {said!r}",
                cause=f"states.command ends with exit code {done.returncode}, {said!r}",
                hint="Run it by hand with the same arguments.",
            )
        return done.stdout.strip()


def _usual() -> dict[str, str]:
    """Placeholders and their values where nothing special is wanted, for every API: a command may serve several."""
    kinds = [kind for contract in contracts.every() for kind in contract.states.kinds]
    return {**_SPECIAL, **{name: _word(value) for kind in kinds for name, value in kind.usual.items()}}


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
