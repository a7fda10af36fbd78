"""The nouns of a run, frozen. Standard library only: every other room may import this one.

Data flows one way: a Profile makes a run, a run makes Checks with their Exchanges, these make a RunRecord,
and every report is rendered from the record.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

RUN_FORMAT = "payout-conformance/run/1"

OPTIONAL = {"json": "optional"}
OMITTED = {"json": "omitted"}
OBJECT = {"json": "object"}
NEVER = {"json": "never"}
"""How a field stands in JSON (`report.codec`): it may be absent in older records; it is left out where it has its
default; so are pairs, which become an object; it is never there."""


class Level(StrEnum):
    """How much a requirement weighs (RFC 2119): a MUST decides, a SHOULD warns, a MAY counts once declared."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Basis(StrEnum):
    """Where a requirement comes from; `rfc` and `custom` never weigh more than SHOULD."""

    DOC = "doc"
    SAFETY = "safety"
    RFC = "rfc"
    CUSTOM = "custom"


class Outcome(StrEnum):
    """The outcome of a check or of a requirement."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    NOT_TESTABLE = "not_testable"
    NOT_APPLICABLE = "not_applicable"
    DESELECTED = "deselected"
    ERROR = "error"


class Verdict(StrEnum):
    """The verdict of a run on its target."""

    CONFORMANT = "conformant"
    NON_CONFORMANT = "non_conformant"
    INCONCLUSIVE = "inconclusive"


class Effect(StrEnum):
    """The effect of a waiver: it waived a failure (or a warning), had expired, wasn't needed, or can't be told."""

    WAIVES = "waives"
    EXPIRED = "expired"
    UNNEEDED = "unneeded"
    UNTESTED = "untested"


class Auth(StrEnum):
    """How a request was authenticated: as documented, deliberately otherwise, or not at all."""

    DOCUMENTED = "documented"
    ALTERED = "altered"
    NONE = "none"


class Harm(StrEnum):
    """The harm that is at stake where a requirement isn't met, the worst first: reports show findings in this order."""

    MONEY = "money"
    TENANTS = "tenants"
    SECRETS = "secrets"
    IDEMPOTENCY = "idempotency"
    ANSWERS = "answers"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The values that prove a caller. `values` are those of the credential fields, in the contract's order.

    `key` names the caller, `secret` proves it; of a single field, both are the same. None of them shows in a repr.
    `environment` is where they are valid, `test` or `live`; empty where that doesn't matter.
    """

    name: str
    values: tuple[str, ...] = field(repr=False)
    environment: str = ""

    @property
    def key(self) -> str:
        """The first field."""
        return self.values[0]

    @property
    def secret(self) -> str:
        """The last field."""
        return self.values[-1]


@dataclass(frozen=True, slots=True)
class Presumption:
    """Checks of a requirement (ids, `*` stands for anything), and those without which they can't be judged at all."""

    checks: str
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of the catalogue (`specs/<api>/requirements.toml`).

    A `premise` is what all other requirements presume, such as that good credentials are accepted. `builds_on` are
    requirements whose failing shows in checks of this one, too: where both show the same deviation, it is theirs.
    `presumes` says which checks can't be judged while others fail. `harm` is what is at stake, `harms` that of checks
    (ids, `*` stands for anything) for which it is another. They come from `causes.toml`.
    """

    id: str
    api: str = field(metadata=NEVER)
    level: Level
    basis: Basis
    group: str
    title: str
    statement: str
    section: str
    needs: tuple[str, ...] = field(default=(), metadata=NEVER)
    capability: str | None = None
    fairness: str | None = field(default=None, metadata=NEVER)
    not_tested_reason: str | None = field(default=None, metadata=NEVER)
    premise: bool = field(default=False, metadata=OMITTED)
    builds_on: tuple[str, ...] = field(default=(), metadata=OMITTED)
    presumes: tuple[Presumption, ...] = field(default=(), metadata=OMITTED)
    harm: Harm | None = field(default=None, metadata=OMITTED)
    harms: tuple[tuple[str, str], ...] = field(default=(), metadata=OBJECT)


@dataclass(frozen=True, slots=True)
class NotObservable:
    """A statement of the documents that no client can observe."""

    id: str
    title: str
    statement: str
    section: str
    reason: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A state and the answer that the documents give to a cancel in it, for the matrix that reports draw.

    `checks` names the checks that ask for it: `*` stands for anything, `{state}` for a word that also goes into
    `state`. The answer has `status`, and `value` in its JSON under `field`. With `after_success` only cancels
    that follow a successful one on the same resource are meant, otherwise only those up to the first success.
    Counted are cancels of what was handed over in the state `given`, which may be `{state}`; of what nobody handed
    over where it is empty.
    """

    state: str
    checks: str
    status: int
    field: str
    value: str
    requirement: str
    after_success: bool = dataclasses.field(default=False, metadata=OPTIONAL)
    given: str | None = dataclasses.field(default=None, metadata=OMITTED)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All requirements of one API. `digest` is `sha256:<hex>` of the file that they were read from."""

    api: str
    revision: int
    digest: str
    requirements: tuple[Requirement, ...]
    not_observable: tuple[NotObservable, ...]
    matrix: tuple[MatrixRow, ...] = ()

    def by_id(self) -> Mapping[str, Requirement]:
        """The requirements under their permanent ids."""
        return {requirement.id: requirement for requirement in self.requirements}


Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, with every secret of the profile already taken out.

    `started_at` is ISO 8601 UTC with microseconds. `status` is None where no answer came, and `error` then says
    why. `signed` is the string that the HMAC was computed over, where there was one. `truncated` tells that the
    answer was cut at the size cap. Bodies are bytes as sent and received (after content decoding).
    """

    started_at: str
    duration_s: float
    method: str
    url: str
    request_headers: Headers
    request_body: bytes
    auth: Auth
    status: int | None
    http_version: str
    response_headers: Headers
    response_body: bytes
    signed: str | None = None
    error: str | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a check didn't pass, for the developer who has to mend the target.

    `expected` is what should have come, `observed` what did; `exchange` is the index (into the run's exchanges)
    of the request to repeat. `control` marks a failed precondition: a request that has to work before the check
    proper means anything. `hint` says what usually causes it. `fault` is what the target did, in one
    sentence without a full stop, the title under which reports show it: "What was paid was cancelled (200)".
    `persisted` says whether a read shows the same, where a value is wrong; empty where nobody read. `differs` are the
    places that differ from what was expected, each with what came: "status 202", "data.status absent".
    """

    expected: str
    observed: str
    control: bool = False
    exchange: int | None = None
    hint: str = ""
    fault: str = field(default="", metadata=OMITTED)
    persisted: str = field(default="", metadata=OMITTED)
    differs: tuple[str, ...] = field(default=(), metadata=OMITTED)


@dataclass(frozen=True, slots=True)
class Check:
    """One executed test case. `exchanges` are indices into the run's exchanges, in the order sent.

    `resources` are those that its requests name: what stands for each in a path, and the state that it was handed
    over in, with its owner where that isn't the caller. `lacks` are those that a check which couldn't run would have
    taken: such a state with a number, by which checks share a resource.
    """

    id: str
    suite: str
    title: str
    requirements: tuple[str, ...]
    level: Level
    outcome: Outcome
    message: str
    started_at: str
    duration_s: float
    exchanges: tuple[int, ...] = ()
    problem: Problem | None = field(default=None, metadata=OPTIONAL)
    resources: tuple[tuple[str, str], ...] = field(default=(), metadata=OBJECT)
    lacks: tuple[str, ...] = field(default=(), metadata=OMITTED)

    @property
    def named(self) -> tuple[int, ...]:
        """The index of every exchange that the check refers to, that of its problem at the end."""
        problem = None if self.problem is None else self.problem.exchange
        return self.exchanges if problem is None else (*self.exchanges, problem)

    @property
    def shown_by(self) -> int | None:
        """The index of the exchange that shows the outcome: the one that the problem names, or else the last."""
        return self.named[-1] if self.named else None


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """The result of a run for one requirement; `reason` is a sentence where the outcome isn't `passed`."""

    requirement: Requirement = field(metadata=NEVER)
    outcome: Outcome
    reason: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiver:
    """A statement that a failure of `requirement` is known, and doesn't stop them until `expires`.

    `expires` is an ISO date, the last day on which it holds (UTC); `by` may be empty. `effect` is None until a run
    has shown it. A waived failure is still a failure, in the verdict and in every report: only the exit code lets it
    pass.
    """

    requirement: str
    reason: str
    expires: str
    by: str = ""
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The system that is judged. `env` maps a credential (`primary.` and its field) to the variable that holds it.

    `scope` holds what isn't certified (`other_merchant`, `other_environment`), with the reason.
    """

    name: str
    api: str
    base_url: str
    environment: str
    env: Mapping[str, str] = field(default_factory=dict, metadata=OPTIONAL)
    scope: tuple[tuple[str, str], ...] = field(default=(), metadata=OBJECT)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a run: enough to fold its checks into the same verdict again.

    Digests are `sha256:<hex>`: `build` of the harness's own files, `openapi` of the API's operations, `profile` of
    the profile, which names secrets and holds none. `declared` maps a capability to what the profile says of it
    (None: nothing), `deselected` a requirement, some of whose checks were left out, to the reason.
    """

    build: str
    openapi: str
    profile: str
    declared: Mapping[str, bool | None]
    deselected: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that a run found, the one source of every report. Instants are ISO 8601 UTC strings.

    `complete` is false for a run that was ended before its last check. `fuzz` holds what the fuzzing reached
    (cases, statuses per operation) or None where it was left out. `notes` are remarks on the run as a whole.
    `inputs` is None in records that were written before there was such a thing.
    """

    target: Target
    harness_version: str = field(metadata=NEVER)
    catalogue_revision: int = field(metadata=NEVER)
    catalogue_digest: str = field(metadata=NEVER)
    started_at: str
    finished_at: str
    seed: int
    verdict: Verdict
    complete: bool
    requirements: tuple[RequirementResult, ...] = field(metadata=NEVER)
    checks: tuple[Check, ...]
    exchanges: tuple[Exchange, ...] = field(metadata=NEVER)
    not_observable: tuple[NotObservable, ...] = field(default=(), metadata=OPTIONAL)
    options: Mapping[str, object] = field(default_factory=dict, metadata=OPTIONAL)
    notes: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    fuzz: Mapping[str, object] | None = field(default=None, metadata=OPTIONAL)
    inputs: Inputs | None = field(default=None, metadata=OMITTED)
    matrix: tuple[MatrixRow, ...] = field(default=(), metadata=OMITTED)
    waivers: tuple[Waiver, ...] = field(default=(), metadata=OMITTED)

    def waived(self, requirement: str) -> Waiver | None:
        """The waiver that holds for a requirement which failed or warned; None where there is none."""
        return next(
            (one for one in self.waivers if one.requirement == requirement and one.effect is Effect.WAIVES),
            None,
        )

    def counts(self) -> dict[str, int]:
        """How many requirements ended in each outcome; every outcome has its key."""
        counts = {outcome.value: 0 for outcome in Outcome}
        for result in self.requirements:
            counts[result.outcome.value] += 1
        return counts
