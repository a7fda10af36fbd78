"""A Contract describes one API to the engine: everything that shared code may ask of an API.

Each API has one, in `conformance/suites/<api>/contract.py`, or in a package of its own (`conformance.contracts`
finds both). It holds data and small functions; it sends nothing and imports neither the run nor the reports.
Standard library and `conformance.model` only, since everything else asks for it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.model import Credentials, Headers

Stamp = Callable[[], str]
"""Returns a timestamp for one request: milliseconds since the epoch, in digits, never the same twice."""

SWAPPED = "the halves swapped"
CLOCK = "the target's own clock"
"""Names of misreadings that have advice of their own: the values in each other's place, another clock."""

Variable = Callable[[str], str]
"""Returns the shell expansion of a credential field: `token` -> `$ACME_TOKEN`."""


@dataclass(frozen=True, slots=True)
class Misreading:
    """Credentials as a target expects them that has misread the document.

    `headers` makes them for one request. `ours` marks those that more likely come from a mistake in the profile.
    """

    name: str
    headers: Callable[[], Headers]
    ours: str = ""


@dataclass(frozen=True, slots=True)
class CurlAuthentication:
    """How a shell command authenticates a request afresh: lines to run first, and arguments of curl.

    `once` are shell functions that `setup` calls, one line each: every request needs the same ones.
    """

    setup: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    once: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """How a request proves who sends it.

    `fields` are the keys of a credentials table in a profile: the first names the caller, the last is the secret (of
    a single field, the same one). `headers` are the request headers that carry them, as documented; `secret_headers`
    those of them whose values are kept out of records, all where that is empty. `summary` says it in a few words
    ("signed with an HMAC"). `authenticate(credentials, body, stamp)` returns those headers.

    `curl(names, variable, body)` returns how a command line does it: `names` maps the lower-case names of `headers` to
    the spelling that was sent, `body` is a shell command that prints the body, empty where there is none.

    `misreadings(credentials, path, stamp, skew_ms)` are tried by `doctor` where documented credentials are refused;
    the target's clock is `skew_ms` ahead. `timestamped` tells whether a request depends on the time. `joined` tells
    that the fields travel as one text with a colon between them (RFC 7617). `signed(headers, body)` returns the text
    that the signature among these headers was computed over, None where nothing is signed. `problem(credentials)`
    returns why these can't be sent, with what to do, or None.
    """

    fields: tuple[str, ...]
    headers: tuple[str, ...]
    summary: str
    authenticate: Callable[[Credentials, bytes, Stamp], Headers]
    curl: Callable[[Mapping[str, str], Variable, str], CurlAuthentication]
    secret_headers: tuple[str, ...] = ()
    misreadings: Callable[[Credentials, str, Stamp, int], Iterator[Misreading]]
    timestamped: bool = False
    joined: bool = False
    signed: Callable[[Headers, bytes], str | None] = lambda headers, body: None
    problem: Callable[[Credentials], tuple[str, str] | None] = lambda credentials: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceKind:
    """A further kind of resource in a state, such as one that only some providers have.

    `pool` is the list in `[states.ids]` that holds its ids, `params` what a provider-state message adds, `words` what
    follows the noun for people (" whose provider doesn't support cancelling"). Asked for only where the profile
    declares `capability`. `usual` are the values that `params` have for any other resource. `question` and `none` end
    the sentences "the list doesn't say ..." and "an empty list says that ...". `clause` is what checks say behind the
    noun in the titles of their problems, which tells readers what to make to see the problem again.
    """

    pool: str
    status: str
    params: Mapping[str, Any]
    words: str
    capability: str
    usual: Mapping[str, Any]
    question: str
    none: str
    clause: str = ""

    @property
    def extra(self) -> tuple[tuple[str, Any], ...]:
        """The params as pairs, as `Wanted.extra` has them."""
        return tuple(self.params.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceStates:
    """The states of a resource, in the API's own spelling.

    The documented cancel succeeds in each state of `cancellable`; the first is the one that checks use most.
    `conditional` are states in which it succeeds only where a capability says so. `transient` are those that a
    resource passes through by itself, in order; `final` those that it never leaves, with the state after a cancel.
    `named_by_profile` tells that the document doesn't name the final states: the profile does (`states.terminal`),
    and `suggested` are the names that `init` begins with.
    """

    cancellable: tuple[str, ...]
    conditional: tuple[str, ...] = ()
    transient: tuple[str, ...]
    final: tuple[str, ...]
    cancelled: str
    named_by_profile: bool = False
    suggested: tuple[str, ...] = ()
    kinds: tuple[ResourceKind, ...] = ()

    def documented(self) -> tuple[str, ...]:
        """The states that the document names: those on the way, then the final ones."""
        return (*self.transient, *self.final)

    def final_of(self, terminal: tuple[str, ...]) -> tuple[str, ...]:
        """The final states of a target whose profile names `terminal`."""
        return tuple(dict.fromkeys((*terminal, *self.final))) if self.named_by_profile else self.final

    def every(self, terminal: tuple[str, ...]) -> tuple[str, ...]:
        """All states of a target whose profile names `terminal`."""
        return (*self.transient, *self.final_of(terminal))

    def kind(self, extra: tuple[tuple[str, Any], ...], status: str | None = None) -> ResourceKind | None:
        """The kind whose params are `extra`, in that status unless it is None; None where there is none."""
        found = (one for one in self.kinds if one.extra == extra and status in (None, one.status))
        return next(found, None)

    def pools(self, terminal: tuple[str, ...]) -> tuple[str, ...]:
        """The keys that a table of ids in such a profile may have: states, and the pools of further kinds."""
        states = (*self.documented(), *(kind.pool for kind in self.kinds), *terminal)
        return tuple(dict.fromkeys(states))


@dataclass(frozen=True, slots=True)
class DocumentedAnswer:
    """A documented answer: its status, and the error code that goes with it, None where there is none."""

    status: int
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.status} {self.code}" if self.code else str(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedAnswers:
    """The documented answers to a cancel, and where an answer holds what the engine looks at.

    Paths are dotted and begin at the root of the JSON body: `resource` is that of the object with the resource in it
    (empty for the root), `id` and `status` are those of a success, `code` and `message` those of an error. `conflict`
    is None for an API without idempotency keys. `keys` are the documented keys of the resource in a success, `valued`
    those of them that have a value in each.
    `succeeded(json)` tells whether the body of a 2xx says that it succeeded, for envelopes that can say otherwise.
    """

    ok: DocumentedAnswer
    refused: DocumentedAnswer
    not_found: DocumentedAnswer
    unauthorized: DocumentedAnswer
    conflict: DocumentedAnswer | None = None
    resource: str = ""
    id: str = "id"
    status: str = "status"
    code: str = "error.code"
    message: str = "error.message"
    keys: tuple[str, ...] = ()
    valued: frozenset[str] = frozenset()
    succeeded: Callable[[Any], bool] = lambda json: True


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedRequests:
    """How the documented requests are made.

    Paths hold `{id}`. `read` is None where no read is documented; a profile may declare one (`states.read_path`),
    for which `read_example` is an example. `probe` is the harmless request that every caller may send with an id that
    names nothing, as method and path; `probe_summary` says it for people ("a signed cancel of a random UUID").
    `encode(fields)` returns the body and the content type of a cancel with these fields; `cancel_fields` are those
    that a cancel without options sends, None where it has no body. `key_header` carries an idempotency key.
    """

    cancel: str
    read: str | None
    read_example: str | None = None
    probe: tuple[str, str]
    probe_summary: str
    encode: Callable[[Mapping[str, Any]], tuple[bytes, str]] | None = None
    cancel_fields: Mapping[str, Any] | None = None
    key_header: str | None = None

    def cancel_body(self) -> tuple[bytes, str | None]:
        """The body and the content type of a cancel without options; nothing and None where it has no body."""
        if self.encode is None or self.cancel_fields is None:
            return b"", None
        return self.encode(self.cancel_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something that a target may or may not be able to do, declared under `[capabilities]`.

    `help` follows the key in a profile, `question` asks for it on a terminal. `undeclared` says what a profile that
    leaves it open misses, empty where false is as good.
    """

    name: str
    help: str
    question: str = ""
    undeclared: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxUse:
    """How the embedded sandbox is used by a profile of this API.

    `states` and `capabilities` are lines of TOML for a profile of the sandbox. `guide(url)` returns shell lines that
    cancel the resource `$ID`. `variants(terminal)` are the sandbox's variants under which it has the final states
    that a profile names.
    """

    states: str
    capabilities: str
    guide: Callable[[str], tuple[str, ...]]
    variants: Callable[[tuple[str, ...]], Mapping[str, Any]] = lambda terminal: {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One API. `name` is what profiles write, `noun` one resource in the words of the field.

    `package` is the import name of the package with its checks; `specs` the folder with `openapi.yaml` and
    `requirements.toml`, None for the folder of the product's own specs that is named like the package.
    `example` names an endpoint for people. `authentication` says how a request proves who sends it, `states` which
    states a resource has, `requests` how the documented requests are made, and `answers` what comes back.
    `unknown_id(sample)` returns an id that names nothing, and whether it is sure to look like one of the target's own;
    `sample` is one of these, None where none is known. `capabilities` are what a profile declares.
    `environments` tells that a merchant has a second environment, `webhooks` that cancels are announced.
    `sandbox` says how the embedded sandbox plays the API, None where it doesn't.

    `fuzzing` names the module whose `FUZZING` (`conformance.fuzz.fuzz_contract.Fuzzing`) describes what fuzzing checks;
    it is imported by the fuzzing only. Without one, a generic oracle applies, whose checks speak of the requirements in
    `fuzz_requirements`: requirement ids by the name of a check without its operation (`status.unknown`), or by its
    first word (`status`).
    """

    name: str
    noun: str
    package: str
    example: str
    authentication: Authentication
    states: ResourceStates
    requests: DocumentedRequests
    answers: DocumentedAnswers
    unknown_id: Callable[[str | None], tuple[str, bool]]
    capabilities: tuple[Capability, ...] = ()
    environments: bool = False
    webhooks: bool = False
    sandbox: SandboxUse | None = None
    specs: Path | None = None
    fuzzing: str | None = None
    fuzz_requirements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The name of the folder with the product's own specs of this API."""
        return self.package.rpartition(".")[2]

    @property
    def others(self) -> tuple[str, ...]:
        """The credentials tables beside `primary` that a profile may have."""
        return ("other_merchant", "other_environment") if self.environments else ("other_merchant",)

    def a(self, words: str) -> str:
        """`words` with the indefinite article in front."""
        return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"
