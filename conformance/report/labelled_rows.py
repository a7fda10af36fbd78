"""A problem or a warning in labelled rows, the same in every report for people: what each says, and in which order.

The title is what the target did; the rule that this breaks stands below it. Pure; no errors.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from conformance.model import Auth, Check, Level, Outcome, RunRecord
from conformance.report import clause, explain, script, step_lines
from conformance.report.explain import Finding
from conformance.report.leading import leading_to
from conformance.report.passing_cases import (
    CASES,
    GOT_THROUGH,
    NOTHING_VERIFIED,
    ORDINALS,
    REQUIREMENT,
    case_in_words,
)
from conformance.report.quotes import with_fields
from conformance.report.safe import counted
from conformance.report.steps import Steps, steps

# The most names of further checks in a text.
_NAMES = 12
# So many further checks are named by their ids, and so many told by what they saw.
_IDS, _TITLES = 4, 3
# A text with so many words that another one lacks tells something else.
_OTHER_WORDS = 3
# The most requirements building on another one that are named with their titles.
_FOLDED = 4
_TESTED = (Outcome.PASSED, Outcome.FAILED, Outcome.WARNED)
_REFUSED = (401, 403)
_TRUSTED = "; should it be refused, send a good request first, on the same connection (curl: --next)"
_AFTER_A_GOOD_ONE = "; the bad request follows a good one, on the same connection (--next)"


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in words: its title, `rows` of (label, text), its steps a line each, and how to see it again.

    A single request is one of the rows; `usage` says what a script needs, empty for a plain command. `short` are the
    steps that matter most, where there are many.
    """

    title: str
    rows: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    replay: str
    script: str
    usage: str
    short: tuple[str, ...] = ()


def told(record: RunRecord, finding: Finding, run: str = "RUN") -> Told:
    """Returns a finding in words; `run` is the folder of the run, as commands are to name it."""
    found = steps(record, finding.check, finding.steps)
    sent = found.steps[0].line if len(found.steps) == 1 else ""
    named = {one.id: one.name for one in found.resources} if len(found.resources) > 1 else {}
    return Told(
        title(finding),
        tuple(
            (label, with_names(text, named)) for label, text in _rows(record, finding, sent) if text.strip()
        ),
        tuple(step_lines.lines(found, run)) if not sent else (),
        script.replay(finding.check.id, run) if finding.replay else "",
        script.within(finding.script or finding.curl, run),
        usage(record, found) + _trusted(finding),
        tuple(step_lines.in_short(found, run)),
    )


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Returns a text with the name that steps and scripts have for a resource behind its id, where a value is that."""
    for id_, name in names.items():
        text = re.sub(rf'(?<=[ (])"?{re.escape(id_)}"?(?=[ ,;.)]|$)', rf"\g<0> ({name})", text, count=1)
    return text


def _trusted(finding: Finding) -> str:
    """Returns what to know of a request that may have been trusted for a good one before it."""
    if not any(one.startswith(GOT_THROUGH) for one in finding.remarks):
        return ""
    if NOTHING_VERIFIED not in finding.remarks:
        return _AFTER_A_GOOD_ONE.partition(",")[0]
    return _AFTER_A_GOOD_ONE if " --next " in (finding.script or "") else _TRUSTED


def of_check(record: RunRecord, finding: Finding, check: Check) -> Told:
    """Returns a check of a finding in words, as if it were shown by that one; the finding itself where it is."""
    if check is finding.check:
        return told(record, finding)
    problem, led = check.problem, leading_to(record, check)
    return told(
        record,
        replace(
            finding,
            check=check,
            expected=problem.expected if problem else "",
            observed=problem.observed if problem else check.message,
            hint=problem.hint if problem else "",
            fault=problem.fault if problem else "",
            persisted=problem.persisted if problem else "",
            exchange=check.shown_by,
            signed=None if check.shown_by is None else record.exchanges[check.shown_by].signed,
            steps=led,
            script=script.script(record, check, led),
            curl="",
            remarks=(),
            more=(),
            folded=(),
        ),
    )


def title(finding: Finding) -> str:
    """Returns the fault of the target; where a request that has to work first failed without one, what came of that."""
    return explain.begun(finding) if finding.control and not finding.fault else finding.title


def rule(finding: Finding) -> str:
    """The requirement that is broken: its id, the level that counted, and its title."""
    return f"{weighed(finding)}: {finding.requirement.title}"


def weighed(finding: Finding) -> str:
    """The id of the requirement and the level that counted: a part of it may weigh less, or more, than the rest."""
    requirement, level = finding.requirement, finding.check.level
    if finding.control or level == requirement.level:
        declared = ", which has to hold as the profile declares it" if requirement.level is Level.MAY else ""
        return f"{requirement.id} {requirement.level}{declared}"
    if level is Level.MAY or requirement.level is Level.MAY:
        return f"{requirement.id} {requirement.level}"
    return f"{requirement.id} {level} (this part of it; the rest is a {requirement.level})"


def asks(finding: Finding) -> str:
    """The sentence of the requirement that is broken, and where it stands in the document."""
    requirement = finding.requirement
    # What a target may do is asked of those that do it.
    level = Level.SHOULD if finding.check.level is Level.SHOULD else Level.MUST
    said = clause.broken(
        requirement.statement, finding.fault, finding.expected, finding.observed, level=level
    )
    return f"{said} ({requirement.section})"


def observed(record: RunRecord, finding: Finding) -> str:
    """Returns what was observed, the deciding fields of cut answers too, and whether a read shows the same."""
    said, problem = finding.observed or finding.check.message, finding.check.problem
    named = {one.split(" ")[0] for one in problem.differs} if problem else set()
    named |= {row.field for row in record.matrix}
    answers = [record.exchanges[index] for index in reversed(finding.check.named)]
    said = with_fields(said, answers, f"{finding.fault} {finding.expected}", named)
    return f"{said}; {finding.persisted}" if finding.persisted else said


def folded(record: RunRecord, finding: Finding) -> Iterator[str]:
    """Yields a text for each requirement that builds on the finding: its outcome, its title, and what was seen.

    Such as `WD-05 failed (A paid one is refused): A cancel of a paid one was answered 200`; the last texts together.
    Where the text would be the title of the finding, it is the request that led there.
    """
    many = list(_building_on(finding).items())
    for name, one in many[:_FOLDED]:
        same = one.fault == finding.fault and _changing(record, one)
        seen = f": the same after {same}" if same else f": {one.fault}" if one.fault else ""
        yield f"{name} {explain.OUTCOMES[_outcome(one)]} ({one.requirement.title}){seen}"
    if rest := many[_FOLDED:]:
        yield f"and {'; '.join(f'{name} ({one.requirement.title})' for name, one in rest)}"


def _changing(record: RunRecord, finding: Finding) -> str:
    """Returns the last request that isn't a read among the steps to a problem; empty for none."""
    rows = steps(record, finding.check, finding.steps).steps
    return next((one.line for one in reversed(rows) if not one.request.startswith("GET ")), "")


def folded_in_short(finding: Finding) -> str:
    """`and 2 requirements that build on it: WD-05, WD-42`; empty where none does."""
    found = _building_on(finding)
    build = "builds" if len(found) == 1 else "build"
    return f"and {counted(len(found), 'requirement')} that {build} on it: {', '.join(found)}" if found else ""


def _building_on(finding: Finding) -> dict[str, Finding]:
    return {one.requirement.id: one for one in finding.folded if one.requirement.id != finding.requirement.id}


def _outcome(finding: Finding) -> Outcome:
    failed = any(check.outcome is Outcome.FAILED for check in finding.checks)
    return Outcome.FAILED if failed else finding.check.outcome


def with_problems(record: RunRecord) -> str:
    """Says which of the warned requirements stand with problems, and not among the warnings; empty for none."""
    warned = {one.requirement.id for one in record.requirements if one.outcome is Outcome.WARNED}
    if not warned:
        return ""
    shown = {name for one in explain.warnings(record) for name in (one.requirement.id, *one.also)}
    numbers: dict[str, int] = {}
    for number, finding in enumerate(explain.problems(record), 1):
        for one in (finding, *finding.folded):
            for name in (one.requirement.id, *one.also):
                numbers.setdefault(name, number)
    found = [numbers[name] for name in warned if name not in shown and name in numbers]
    if not found:
        return ""
    places = sorted(set(found))
    named = f"{'problem' if len(places) == 1 else 'problems'} {', '.join(map(str, places))}"
    return f"{'' if len(found) == len(warned) else f'{len(found)} '}told with {named}"


def cases(record: RunRecord, finding: Finding) -> str:
    """How wide it is: `5 of 36 failed: one digit more, .... The other 31 passed.`; empty for a check of one case."""
    name, bracket, _ = finding.check.id.partition("[")
    mine = [one for one in finding.checks if _case(one)[0] == name]
    tested = [one for one in record.checks if _case(one)[0] == name and one.outcome in _TESTED]
    if not bracket or not mine or len(tested) < 2:
        return ""
    ended = explain.OUTCOMES[finding.check.outcome]
    every = "both" if len(mine) == 2 else f"all {len(mine)}"
    how_many = every if len(mine) == len(tested) else f"{len(mine)} of {len(tested)}"
    words = [_case(one)[1] for one in mine]
    # Cases that are requirements ask for something else each.
    if all(one in ORDINALS or REQUIREMENT.fullmatch(one) for one in words):
        return ""
    more = f" and {len(words) - _NAMES} more" if len(words) > _NAMES else ""
    warned = sum(one.outcome is Outcome.WARNED for one in tested)
    beside = f"; {warned} more warned" if finding.check.outcome is Outcome.FAILED and warned else ""
    passed = sum(one.outcome is Outcome.PASSED for one in tested)
    rest = "The other" if passed == 1 else f"The other {passed}"
    # Where they are named below, they aren't counted here.
    told = finding.worked.startswith(CASES)
    others = f". {rest} passed." if passed and not told and passed + len(mine) == len(tested) else ""
    return f"{how_many} {ended}{beside}: {'; '.join(words[:_NAMES])}{more}{others}"


def _case(check: Check) -> tuple[str, str]:
    """The name of a check, and its case in words."""
    name, _, case = check.id.partition("[")
    return name, case_in_words(case.removesuffix("]"))


def besides(finding: Finding) -> Iterator[str]:
    """Yields what further checks of the same requirement saw, each kind once, where it is something else."""
    told, names = {title(finding)}, {_case(finding.check)[0]}
    for check in finding.more:
        fault, name = check.problem.fault if check.problem else "", _case(check)[0]
        is_new = all(len(clause.stems(fault) - clause.stems(one)) >= _OTHER_WORDS for one in told)
        if fault and is_new and name not in names and len(names) <= _TITLES:
            yield fault
            told.add(fault)
            names.add(name)


def checks(finding: Finding) -> str:
    """The id of the check, and the names of the others that fail with it: they are often the diagnosis."""
    text = finding.check.id
    name = _case(finding.check)[0]
    cases = [check for check in finding.more if _case(check)[0] == name]
    others = [check for check in finding.more if _case(check)[0] != name]
    if cases:
        text += f"; and {counted(len(cases), 'more case')} of it"
    if others:
        names = ", ".join(check.id for check in others[:_IDS])
        rest = f" and {counted(len(others) - _IDS, 'other')}" if len(others) > _IDS else ""
        text += f"; and {counted(len(others), 'more check')}: {names}{rest}"
    return text


def usage(record: RunRecord, found: Steps) -> str:
    """Says what takes the place of each name in a script, and of each value that belongs to what it names."""
    if not found.resources:
        return ""
    names = ", ".join(f"{one.name} {one.what}" for one in found.resources)
    if len(found.steps) == 1:
        return f"put in a fresh one: {names}{_borrowed(record, found)}"
    said = " ".join([*(one.name for one in found.resources), *script.named_values(record, found)])
    return f"paste it, then: again {said} (fresh: {names}{_borrowed(record, found)})"


def _borrowed(record: RunRecord, found: Steps) -> str:
    return "".join(
        f"; {name} the {one.field} of the fresh {one.name}"
        for name, one in script.named_values(record, found).items()
    )


def _rows(record: RunRecord, finding: Finding, sent: str) -> Iterator[tuple[str, str]]:
    if finding.control:
        yield "about", ", ".join((finding.requirement.id, *finding.also))
        said = "" if title(finding) == explain.begun(finding) else f": {explain.begun(finding)}"
        yield "note", f"The request that has to work first did not{said}."
    else:
        yield "cases", cases(record, finding)
        own = title(finding) == finding.requirement.title
        yield "rule", weighed(finding) if own else rule(finding)
        yield "asks", asks(finding)
    yield "sent", sent
    yield "expected", finding.expected
    yield "observed", observed(record, finding)
    yield "hint", finding.hint
    yield "worked", finding.worked
    for remark in finding.remarks:
        yield "note", remark
    for waiver in explain.waived(record, finding.check):
        yield "waived", explain.waiver(waiver).removeprefix("waived ")
    for one in folded(record, finding):
        yield "follows", one
    if finding.also and not finding.control:
        titles = {name: requirement.title for name, requirement in explain.requirements_of(record).items()}
        yield "also", f"about {'; '.join(f'{name} ({titles[name]})' for name in finding.also)}"
    for one in besides(finding):
        yield "besides", one
    yield "check", checks(finding)
    if finding.signed is not None and signature_matters(record, finding):
        yield "signed", finding.signed


def signature_matters(record: RunRecord, finding: Finding) -> bool:
    """Returns whether the text that was signed may tell why: a refused signature, or one that was made otherwise."""
    if finding.exchange is None:
        return False
    exchange = record.exchanges[finding.exchange]
    return exchange.auth is Auth.ALTERED or exchange.status in _REFUSED


def all_of(record: RunRecord) -> Sequence[Finding]:
    """Returns the problems and the warnings of a run."""
    return (*explain.problems(record), *explain.warnings(record))
