"""A finding of a run: a defect to mend, or what follows from one. Pure; no errors."""

from dataclasses import dataclass

from conformance.model import Check, Requirement


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect to mend. `requirement` is the first that `check` breaks, `also` the ids of the others.

    `more` are further checks that fail for the same requirement, or, where `control` is true, that could not
    begin for the same cause. `exchange` (an index), `curl` and `signed` show the request to repeat. `remarks` are
    sentences on how to take it: that the rest may follow from it, or that it couldn't be seen again. `fault` is what
    the target did, the title; `persisted` says whether a read shows the same wrong value. `steps` are the requests
    (indices) that led there, that of `exchange` last; `script` performs them again where there are several, `replay`
    is the command of the harness that does. `folded` are the findings of requirements that build on what failed here,
    `worked` says in one line what of the same kind did work.
    """

    requirement: Requirement
    check: Check
    expected: str
    observed: str
    hint: str
    control: bool
    also: tuple[str, ...] = ()
    more: tuple[Check, ...] = ()
    exchange: int | None = None
    curl: str = ""
    signed: str | None = None
    remarks: tuple[str, ...] = ()
    fault: str = ""
    persisted: str = ""
    steps: tuple[int, ...] = ()
    script: str = ""
    replay: str = ""
    folded: "tuple[Finding, ...]" = ()
    worked: str = ""

    @property
    def title(self) -> str:
        """Returns the fault of the target; the title of the requirement where no check said it."""
        return self.fault or self.requirement.title

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check that the finding is about."""
        return (self.check, *self.more)


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of a run. `problems` make it non-conformant, `warnings` don't; `folded` follow from one of both."""

    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    folded: tuple[Finding, ...]
