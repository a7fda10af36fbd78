"""One tree of exceptions: each carries the hint that mends it and the exit code that it ends a run with.

A failed requirement is not in this tree: it is a result (`conformance.oracles.expect.Violation`), not a fault.
"""

from typing import ClassVar


class ConformanceError(Exception):
    """A fault that the harness can name. `hint` says what to do next; `exit_code` is the process's answer."""

    exit_code: ClassVar[int] = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ConformanceError):
    """The command line asks for something that can't be done."""

    exit_code = 2


class ProfileError(ConformanceError):
    """A profile can't be read, or doesn't say what a run needs."""

    exit_code = 2


class RecordError(ConformanceError):
    """A run record is missing, broken or not of this format."""

    exit_code = 2


class CertificateError(ConformanceError):
    """A certificate, or what it speaks of, is not what it has to be. Nothing that it says is to be believed.

    `kind` is a short stable name: truncated, altered, foreign, key, incomplete, contradiction, not_yet_valid, expired,
    catalogue, evidence.
    """

    exit_code = 2

    def __init__(self, kind: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class HarnessError(ConformanceError):
    """The harness itself failed: never the target's fault."""

    exit_code = 4


class TransportError(ConformanceError):
    """No HTTP answer came: refused, reset, timed out, TLS, not HTTP. Never blamed on a requirement.

    `kind` is a short stable name of `KINDS`. `unavailable` stands for an answer by 502, 503 or 504, whose status is
    `status`: it came from something in front of the API, or from an API that says that it can't serve now.
    """

    exit_code = 4
    KINDS: ClassVar[tuple[str, ...]] = (
        "dns",
        "refused",
        "tls",
        "timeout",
        "reset",
        "protocol",
        "connect",
        "rate_limited",
        "unavailable",
    )

    def __init__(self, kind: str, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.status = status


class NotReady(ConformanceError):
    """Something answers, but it isn't the API that the profile names: a login page, a proxy, another service."""

    exit_code = 4


class BudgetError(ConformanceError):
    """`limits.max_requests` is used up."""

    exit_code = 3


class NotTestable(ConformanceError):
    """The profile gives no way to reach what a check needs; the message says what is missing.

    `lacks` is the kind of resource that its source didn't have: the state, and the owner where that isn't the caller.
    """

    exit_code = 3
    lacks = ""


class SourceFault(NotTestable):
    """The state source can't do what it was asked for; `cause` is its own word on that, whatever was asked."""

    def __init__(self, message: str, *, cause: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cause = cause or message


class SourceSilent(SourceFault):
    """The source gave no answer, so that nobody knows whether it did what it was asked for."""


class StateRefused(SourceFault):
    """The state source says that it can't make this state: it answered, and does make others."""


class NotApplicable(ConformanceError):
    """A check has nothing to judge: no such capability is declared, or its condition didn't arise with this target.

    So it is, too, where an answer is wrong in a way that another requirement judges.
    """

    exit_code = 0
