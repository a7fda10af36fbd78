"""Reads a TOML file into a Profile. Every error names the file, the key, the line and a correction.

A secret stands in a profile only as `${NAME}` and is read from the environment. Which keys a profile may have depends
on the contract of its API; `conformance.profile_schema` says the same for editors.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance import contracts
from conformance.contract import Contract
from conformance.errors import ProfileError
from conformance.model import Credentials as Credentials  # noqa: PLC0414 - part of a profile
from conformance.model import Target
from conformance.toml import Reader

OWNERS = ("primary", "other_merchant", "other_environment")
"""The tables below `[credentials]`."""
SOURCES = ("url", "command", "ids", "sandbox")
"""The keys of `[states]` that say where resources come from, of which a profile has one."""
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KEYS: dict[str, tuple[str, ...]] = {
    "": ("target", "credentials", "states", "capabilities", "webhooks", "limits"),
    "target": ("name", "api", "base_url", "environment"),
    "credentials": OWNERS,
    "states": (*SOURCES, "terminal", "read_path", "requests_per_second"),
    "webhooks": ("listen", "public_url"),
    "limits": ("timeout_s", "requests_per_second", "concurrency", "max_requests", "watch_s"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The load that a run may put on its target: seconds, requests per second, requests in flight, requests in all.

    `watch_s` is how long after the last cancel of the suites cancelled resources are looked at once more, in seconds.
    """

    timeout_s: float = 10.0
    requests_per_second: float | None = None
    concurrency: int = 8
    max_requests: int = 5000
    watch_s: float = 10.0


@dataclass(frozen=True, slots=True)
class States:
    """How resources are obtained: at most one of `url`, `command`, `ids`, `sandbox`.

    `ids` maps an owner (`primary`, `other_merchant`, `other_environment`) to statuses to ids. `requests_per_second`
    is what a run may ask of the source alone; None means no limit. `terminal` is empty where the profile names none.
    """

    url: str | None = None
    command: tuple[str, ...] | None = None
    ids: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None
    sandbox: bool = False
    terminal: tuple[str, ...] = ()
    read_path: str | None = None
    requests_per_second: float | None = None

    @property
    def source(self) -> str | None:
        """The key of `[states]` that says where resources come from; None where the profile names no source."""
        return next((key for key in SOURCES if getattr(self, key) not in (None, False)), None)


@dataclass(frozen=True, slots=True)
class Profile:
    """One target and one API, ready to run against. `capabilities` holds None for what isn't declared."""

    path: Path
    target: Target
    credentials: Mapping[str, Credentials]
    states: States
    capabilities: Mapping[str, bool | None]
    limits: Limits
    listen: str | None = None
    public_url: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_live: bool = False

    def reads_only(self, name: str) -> bool:
        """Returns whether only reads may be sent with these credentials: live ones, without --allow-live."""
        pair = self.credentials.get(name)
        return pair is not None and pair.environment == "live" and not self.allow_live

    def watching(self, watch_s: float | None) -> "Profile":
        """Returns this profile with another `limits.watch_s`; None leaves it."""
        return self if watch_s is None else replace(self, limits=replace(self.limits, watch_s=watch_s))


def capabilities() -> tuple[str, ...]:
    """Returns the keys of `[capabilities]`, sorted: the common ones, and those of every API.

    A profile may declare a capability of another API; nothing asks for it.
    """
    own = {one.name for contract in contracts.every() for one in contract.capabilities}
    return tuple(sorted({"settlement", "webhooks", *own}))


def load(path: Path, environ: Mapping[str, str] | None = None, *, allow_live: bool = False) -> Profile:
    """Reads and checks a profile; one of a live environment only with `allow_live`.

    Raises ProfileError, never anything else.
    """
    profile = _Profiles(path, os.environ if environ is None else environ, allow_live=allow_live).profile()
    if profile.target.environment == "live" and not allow_live:
        raise ProfileError(
            f"{path}: the environment is live: a run would cancel real payouts",
            hint="Use a test environment, or say --allow-live if that is what you want.",
        )
    return profile


class _Profiles(Reader):
    """Reads one file into a Profile."""

    def __init__(self, path: Path, environ: Mapping[str, str], *, allow_live: bool) -> None:
        super().__init__(path)
        self._environ = environ
        self._allow_live = allow_live
        self._secrets: dict[str, str] = {}
        self._env: dict[str, str] = {}

    def profile(self) -> Profile:
        for table, keys in {**_KEYS, "capabilities": capabilities()}.items():
            self.known(table, self.table(table), keys)
        contract = contracts.contract(
            self.choice("target.api", contracts.names(), "--contract FOLDER brings other APIs.")
        )
        credentials = self._credentials(contract)
        target = Target(
            name=self.string("target.name"),
            api=contract.name,
            base_url=self._base_url(),
            environment=self.choice("target.environment", ("test", "live")),
            env=self._env,
        )
        listen, public_url = self._webhooks()
        return Profile(
            path=self._path,
            target=target,
            credentials=credentials,
            states=self._states(contract),
            capabilities={key: self.boolean(f"capabilities.{key}") for key in capabilities()},
            limits=self._limits(),
            listen=listen,
            public_url=public_url,
            secrets=self._secrets,
            allow_live=self._allow_live,
        )

    # -- tables ----------------------------------------------------------------------------------------------

    def _credentials(self, contract: Contract) -> dict[str, Credentials]:
        fields = contract.authentication.fields
        found: dict[str, Credentials] = {}
        if "primary" not in self.table("credentials"):
            raise self.wrong(
                "credentials", "[credentials.primary] is missing", f"It holds {' and '.join(fields)}."
            )
        for name in self.table("credentials"):
            dotted = f"credentials.{name}"
            elsewhere = name == "other_environment"
            self.known(dotted, self.table(dotted), (*fields, *(("environment",) if elsewhere else ())))
            values = tuple(self._secret(dotted, name, item) for item in fields)
            environment = self._other_environment(dotted) if elsewhere else self.get("target.environment")
            found[name] = Credentials(name, values, str(environment))
            problem = contract.authentication.problem(found[name])
            if problem is not None:
                raise self.wrong(f"{dotted}.{fields[0]}", *problem)
        if "other_environment" in found and not contract.environments:
            raise self.wrong(
                "credentials.other_environment", f"{contract.name} has no environments", "Remove this table."
            )
        self._distinct(found)
        return found

    def _other_environment(self, dotted: str) -> str:
        """Returns `live` beside a test target, unless the profile says otherwise; the sandbox has only `test`."""
        if "environment" in self.table(dotted):
            return self.choice(f"{dotted}.environment", ("test", "live"))
        beside_test = self.get("target.environment") == "test" and not self.get("states.sandbox")
        return "live" if beside_test else "test"

    def _distinct(self, found: Mapping[str, Credentials]) -> None:
        for name, other in found.items():
            if name != "primary" and other.values == found["primary"].values:
                raise self.wrong(
                    f"credentials.{name}", "these are the credentials of primary", "Name somebody else's."
                )

    def _states(self, contract: Contract) -> States:
        table = self.table("states")
        given = [key for key in SOURCES if key in table]
        if len(given) > 1:
            raise self.wrong(
                f"states.{given[1]}", f"{' and '.join(given)} exclude each other", "Keep one of them."
            )
        url = self._expanded("states.url") if "url" in table else None
        if url is not None:
            self._http_url("states.url", url)
        terminal = self.strings("states.terminal") if "terminal" in table else ()
        if "terminal" in table and not contract.states.named_by_profile:
            raise self.wrong(
                "states.terminal", f"{contract.name} documents its terminal state names", "Remove it."
            )
        read_path = self.string("states.read_path") if "read_path" in table else None
        if read_path is not None and contract.requests.read is not None:
            raise self.wrong("states.read_path", f"{contract.name} documents its read path", "Remove it.")
        if read_path is not None and ("{id}" not in read_path or read_path[:1] != "/"):
            example = contract.requests.read_example or "/resources/{id}"
            raise self.wrong(
                "states.read_path", f"not a read path of {contract.name}", f'It looks like "{example}".'
            )
        command = self.strings("states.command") if "command" in table else None
        if command is not None and not command:
            program = f"./make-{contract.noun.replace(' ', '-')}"
            raise self.wrong("states.command", "the list is empty", f'Write ["{program}", "{{status}}"].')
        return States(
            url=url,
            command=command,
            ids=self._ids(contract.states.pools(terminal)) if "ids" in table else None,
            sandbox=bool(self.boolean("states.sandbox")),
            terminal=terminal,
            read_path=read_path,
            requests_per_second=self.number("states.requests_per_second", None),
        )

    def _ids(self, known: tuple[str, ...]) -> dict[str, dict[str, tuple[str, ...]]]:
        pools: dict[str, dict[str, tuple[str, ...]]] = {"primary": {}}
        seen: dict[str, str] = {}
        for status, value in self.table("states.ids").items():
            dotted = f"states.ids.{status}"
            if isinstance(value, dict):
                if status not in OWNERS[1:]:
                    raise self.unknown(dotted, status, OWNERS[1:])
                pools[status] = {name: self._pool(f"{dotted}.{name}", seen, known) for name in value}
            else:
                pools["primary"][status] = self._pool(dotted, seen, known)
        return pools

    def _pool(self, dotted: str, seen: dict[str, str], known: tuple[str, ...]) -> tuple[str, ...]:
        if dotted.rpartition(".")[2] in _KEYS["states"]:
            raise self.wrong(dotted, "this key belongs to [states]", "Put it above [states.ids].")
        if dotted.rpartition(".")[2] not in known:
            raise self.unknown(dotted, dotted.rpartition(".")[2], known)
        ids = self.strings(dotted)
        for one in ids:
            if one in seen:
                raise self.wrong(
                    dotted,
                    f"{one} is also in {seen[one]}",
                    "Every resource is used once and has one state: name it once.",
                    needle=one,
                )
            seen[one] = dotted
        return ids

    def _limits(self) -> Limits:
        plain = Limits()
        return Limits(
            timeout_s=self.number("limits.timeout_s", plain.timeout_s),
            requests_per_second=self.number("limits.requests_per_second", None),
            concurrency=self.whole("limits.concurrency", plain.concurrency),
            max_requests=self.whole("limits.max_requests", plain.max_requests),
            watch_s=self.number("limits.watch_s", plain.watch_s, least=0),
        )

    def _webhooks(self) -> tuple[str | None, str | None]:
        table = self.table("webhooks")
        listen = self.string("webhooks.listen") if "listen" in table else None
        public = self.string("webhooks.public_url") if "public_url" in table else None
        if listen is not None and not re.fullmatch(r"(\S+):(\d{1,5})", listen):
            raise self.wrong("webhooks.listen", "not an address and port", 'Write "127.0.0.1:8099".')
        if public is not None:
            self._http_url("webhooks.public_url", public)
        return listen, public

    def _base_url(self) -> str:
        url = self._expanded("target.base_url", secret=False)
        parts = self._http_url("target.base_url", url)
        if parts.username or parts.password:
            raise self.wrong(
                "target.base_url", "credentials don't belong in a URL", "Use [credentials.primary]."
            )
        if parts.query or parts.fragment:
            raise self.wrong("target.base_url", "a base URL has no query or fragment", "Cut it off.")
        return url.rstrip("/")

    def _secret(self, dotted: str, name: str, item: str) -> str:
        value = self.get(f"{dotted}.{item}")
        if value is None:
            raise self.missing(f"{dotted}.{item}")
        found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise self.wrong(
                f"{dotted}.{item}",
                "a credential never stands in a profile",
                f'Write {item} = "${{NAME}}" and set NAME in the environment.',
            )
        self._env[f"{name}.{item}"] = found[1]
        secret = self._variable(f"{dotted}.{item}", found[1])
        if not secret.isprintable() or secret != secret.strip():
            raise self.wrong(
                f"{dotted}.{item}",
                f"{found[1]} has white space around it or a control character in it",
                "Set it again: a space or a line break may have been copied along.",
            )
        self._secrets[f"{name}.{item}"] = secret
        return secret

    def _expanded(self, dotted: str, *, secret: bool = True) -> str:
        def put(found: re.Match[str]) -> str:
            value = self._variable(dotted, found[1])
            if secret:
                self._secrets[f"{dotted}:{found[1]}"] = value
            return value

        return _REFERENCE.sub(put, self.string(dotted))

    def _variable(self, dotted: str, name: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            state = "empty" if name in self._environ else "not set"
            file = self._path.with_suffix(".env")
            load = f"   # or all of them: set -a; . ./{file.name}; set +a" if file.is_file() else ""
            raise self.wrong(
                dotted, f"the environment variable {name} is {state}", f"export {name}=...{load}"
            )
        return value

    def _http_url(self, dotted: str, url: str) -> Any:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            str(parts.hostname).encode("idna")
        except ValueError:
            good = False
        if not good or re.search(r"\s", url):
            # As the profile has it: neither a variable's value nor a password in the URL is shown.
            shown = re.sub(r"//[^/]*@", "//...@", self.string(dotted))
            raise self.wrong(
                dotted, f"not an http or https URL: {shown}", 'Write "https://host[:port]/path".'
            )
        return parts
