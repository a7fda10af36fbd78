"""Reads a TOML file into a Profile. Every error names the file, the key, the line and a correction.

A secret stands in a profile only as `${NAME}` and is read from the environment. Which keys a profile may have depends
on the contract of its API; `conformance.profile_schema` says the same for editors.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from conformance import contracts
from conformance.contract import Contract
from conformance.errors import ProfileError
from conformance.model import Credentials as Credentials
from conformance.model import Target
from conformance.profile import states
from conformance.profile.model import OWNERS, SOURCES, Limits, Profile, States, is_live
from conformance.profile.values import Values

__all__ = [
    "OWNERS",
    "SOURCES",
    "Credentials",
    "Limits",
    "Profile",
    "States",
    "capabilities",
    "is_live",
    "load",
]

_KEYS: dict[str, tuple[str, ...]] = {
    "": ("target", "credentials", "scope", "states", "capabilities", "webhooks", "limits"),
    "target": ("name", "api", "base_url", "environment", "headers", "proxy"),
    "credentials": OWNERS,
    "scope": OWNERS[1:],
    "states": states.KEYS,
    "webhooks": ("listen", "public_url"),
    "limits": ("timeout_s", "requests_per_second", "concurrency", "max_requests", "watch_s"),
}


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
    if is_live(profile.target.environment) and not allow_live:
        raise ProfileError(
            f"{path}: the environment is {profile.target.environment}: a run would cancel real payouts",
            hint="Use a test environment, or say --allow-live if that is what you want.",
        )
    return profile


class _Profiles(Values):
    """Reads one file into a Profile."""

    def __init__(self, path: Path, environ: Mapping[str, str], *, allow_live: bool) -> None:
        super().__init__(path, environ)
        self._allow_live = allow_live

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
            base_url=self.base_url(),
            environment=self._environment("target.environment"),
            env=self.env,
            scope=self._scope(contract, credentials),
        )
        listen, public_url = self._webhooks()
        own, key = contract.authentication.headers, contract.requests.key_header
        found = Profile(
            path=self._path,
            target=target,
            credentials=credentials,
            states=states.read(self, contract),
            capabilities={key: self.boolean(f"capabilities.{key}") for key in capabilities()},
            limits=self._limits(),
            listen=listen,
            public_url=public_url,
            secrets=self.secrets,
            allow_live=self._allow_live,
            headers=self.headers("target.headers", (*own, *((key,) if key else ()))),
            proxy=self.proxy(),
        )
        self.raise_for_missing()
        return found

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
            values = tuple(self.secret(dotted, name, item) for item in fields)
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
        """Returns `live` beside a target that isn't, unless the profile says otherwise; the sandbox has only `test`."""
        if "environment" in self.table(dotted):
            return self._environment(f"{dotted}.environment")
        beside = not is_live(str(self.get("target.environment"))) and not self.get("states.sandbox")
        return "live" if beside else "test"

    def _environment(self, dotted: str) -> str:
        name = self.string(dotted)
        if not name.isprintable() or len(name) > 60:
            raise self.wrong(dotted, "must be a short word", 'Write "test", "live", or what you call it.')
        return name

    def _scope(
        self, contract: Contract, credentials: Mapping[str, Credentials]
    ) -> tuple[tuple[str, str], ...]:
        """Returns what isn't certified, each with its reason. Credentials say that it could be."""
        found = []
        for name in self.table("scope"):
            dotted = f"scope.{name}"
            if name not in contract.others:
                raise self.wrong(dotted, f"{contract.name} has no environments", "Remove this line.")
            if name in credentials:
                raise self.wrong(
                    dotted,
                    f"the profile has [credentials.{name}], so it can be tested",
                    "Remove this line, or these credentials.",
                )
            found.append((name, " ".join(self.string(dotted).split())))
        return tuple(sorted(found, key=lambda one: OWNERS.index(one[0])))

    def _distinct(self, found: Mapping[str, Credentials]) -> None:
        for name, other in found.items():
            if name != "primary" and other.values == found["primary"].values:
                raise self.wrong(
                    f"credentials.{name}", "these are the credentials of primary", "Name somebody else's."
                )

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
            self.http_url("webhooks.public_url", public)
        return listen, public
