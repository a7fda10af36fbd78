"""Reads the values of a profile that come from the environment, and the addresses and headers in it."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from conformance.toml import Reader

# Of RFC 9110 section 5.6.2; and the headers that frame a message, which only its sender can know.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FRAMING = (
    "Host",
    "Content-Length",
    "Content-Type",
    "Transfer-Encoding",
    "Connection",
    "Accept-Encoding",
    "TE",
    "Upgrade",
)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_UNSET = "http://unset.invalid"
# What to do instead of user:password@ in a URL.
_ELSEWHERE = "Remove user:password@ from it."
_INSTEAD = {
    "target.base_url": "Use [credentials.primary]; for a gateway in front of the target, headers in [target].",
    "states.url": 'Write headers = { Authorization = "Basic ${NAME}" } into [states]: user:password in base64.',
    "target.proxy": "Name a proxy that lets this machine in without a password, such as one on it that logs in.",
}


class Values(Reader):
    """Reads a profile with its variables. `secrets` and `env` collect what was read, by the name of its key."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        super().__init__(path)
        self._environ = environ
        self.secrets: dict[str, str] = {}
        self.env: dict[str, str] = {}
        self._missing: dict[str, str] = {}

    def base_url(self) -> str:
        """Returns `target.base_url`, without a slash at its end."""
        url = self.expanded("target.base_url", secret=False)
        parts = self.http_url("target.base_url", url)
        if parts.query or parts.fragment:
            raise self.wrong("target.base_url", "a base URL has no query or fragment", "Cut it off.")
        return url.rstrip("/")

    def proxy(self) -> str | None:
        """Returns the address of the proxy in front of the target, None where the profile names none."""
        if "proxy" not in self.table("target"):
            return None
        url = self.expanded("target.proxy", secret=False)
        parts = self.http_url("target.proxy", url)
        if parts.scheme != "http" or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise self.wrong("target.proxy", "not the address of an HTTP proxy", 'Write "http://host:port".')
        return url.rstrip("/")

    def headers(self, dotted: str, taken: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Returns a table of headers, variables filled in. `taken` are those that requests bring themselves.

        The values of variables count as secrets.
        """
        return self.checked_headers(dotted, self.table(dotted), taken)

    def checked_headers(
        self, dotted: str, table: Mapping[str, object], taken: tuple[str, ...]
    ) -> tuple[tuple[str, str], ...]:
        """Returns the headers in a table that may be part of a list, as `headers` does."""
        found = []
        reserved = {name.lower() for name in (*taken, *_FRAMING)}
        for name, value in table.items():
            key = f"{dotted}.{name}"
            if not _TOKEN.fullmatch(name):
                raise self.wrong(key, "not the name of a header", "Letters, digits and hyphens (RFC 9110).")
            if name.lower() in reserved:
                raise self.wrong(
                    key,
                    "requests bring this header themselves: another one would break them",
                    "Remove it.",
                )
            if not isinstance(value, str) or not value.strip():
                raise self.wrong(key, "must be a text", 'Write it in quotes, with "${NAME}" for a secret.')
            text = self.filled(key, value, secret=False)
            # Under the name of the variable alone: a curl line says it in the same way.
            self.secrets |= {one: self.variable(key, one) for one in _REFERENCE.findall(value)}
            if not text.isprintable() or not text.isascii() or text != text.strip():
                raise self.wrong(
                    key, "white space around it, or a character that no header can hold", "Set it again."
                )
            found.append((name, text))
        return tuple(found)

    def secret(self, dotted: str, name: str, item: str) -> str:
        """Returns the value of a credential, which stands in a profile only as a variable."""
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
        self.env[f"{name}.{item}"] = found[1]
        secret = self.variable(f"{dotted}.{item}", found[1])
        if not secret.isprintable() or secret != secret.strip():
            raise self.wrong(
                f"{dotted}.{item}",
                f"{found[1]} has white space around it or a control character in it",
                "Set it again: a space or a line break may have been copied along.",
            )
        self.secrets[f"{name}.{item}"] = secret
        return secret

    def expanded(self, dotted: str, *, secret: bool = True) -> str:
        """Returns a text with its variables filled in, whose values count as secrets unless `secret` is false."""
        return self.filled(dotted, self.string(dotted), secret=secret)

    def filled(self, dotted: str, text: str, *, secret: bool = True) -> str:
        """Returns a text with its variables filled in, as `expanded` does."""

        def put(found: re.Match[str]) -> str:
            value = self.variable(dotted, found[1])
            if secret:
                self.secrets[f"{dotted}:{found[1]}"] = value
            return value

        return _REFERENCE.sub(put, text)

    def variable(self, dotted: str, name: str) -> str:
        """Returns the value of a variable; of one that isn't set a stand-in, until `raise_for_missing`."""
        value = self._environ.get(name, "")
        if not value:
            self._missing.setdefault(name, dotted)
            return f"unset-{name}"
        return value

    def raise_for_missing(self) -> None:
        """Raises ProfileError where variables aren't set, which names all of them."""
        if not self._missing:
            return
        names = list(self._missing)
        file = self._path.with_suffix(".env")
        load = f"   # or all of them: --env-file {file}" if file.is_file() else ""
        hint = f"export {' '.join(f'{name}=...' for name in names)}{load}"
        if len(names) == 1:
            state = "empty" if names[0] in self._environ else "not set"
            said = f"the environment variable {names[0]} is {state}"
        else:
            empty = [name for name in names if name in self._environ]
            more = f" ({', '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty)" if empty else ""
            said = f"the environment variables {', '.join(names[:-1])} and {names[-1]} are not set{more}"
        raise self.wrong(self._missing[names[0]], said, hint)

    def http_url(self, dotted: str, url: str) -> SplitResult:
        """Returns the parts of an http or https URL without credentials in it."""
        if dotted in self._missing.values():
            return urlsplit(_UNSET)  # what is said of it says `raise_for_missing`
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
        if parts.username or parts.password:
            raise self.wrong(dotted, "credentials don't belong in a URL", _INSTEAD.get(dotted, _ELSEWHERE))
        return parts
