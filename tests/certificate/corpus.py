"""Certificates that dishonest signers made of a real run, each signed with care: `verify` has to refuse all of them.

Every forgery starts from the folder of a finished run, changes what its signer would change, folds the verdict again
and signs the result, so that digests, counts and signature agree. `python -m tests.certificate.corpus RUN OUT` writes
one folder per forgery, with the public key.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from conformance import catalogue as catalogues
from conformance import coverage
from conformance.certificate import evidence, keys, statement
from conformance.certificate.envelope import seal
from conformance.certificate.issue import FILE
from conformance.model import Auth, Check, Exchange, Outcome, RunRecord
from conformance.provenance import digest
from conformance.report import record as records
from conformance.report import tried_states
from tests.certificate import edits

KEY = keys.generate()
SELF = {"kind": "self", "note": "The owner of the key says this of their own run."}
Text = Callable[[str], str]
NONSENSE = b'{"nonsense": true}'


def same(text: str) -> str:
    """The text."""
    return text


def folded(run: RunRecord) -> RunRecord:
    """The record with everything that follows from its checks."""
    assert run.inputs is not None
    again = records.fold(
        catalogues.load(run.target.api),
        run.target,
        run.checks,
        run.exchanges,
        deselected=run.inputs.deselected,
        declared=run.inputs.declared,
        seed=run.seed,
        started_at=run.started_at,
        finished_at=run.finished_at,
        complete=True,
        options=run.options,
        notes=run.notes,
        fuzz=run.fuzz,
        harness_version=run.harness_version,
        waivers=run.waivers,
    )
    return replace(again, inputs=run.inputs)


def forged(
    source: Path,
    folder: Path,
    change: Callable[[RunRecord], RunRecord],
    *,
    run_text: Text = same,
    har_text: Text = same,
    profile_text: Text = same,
    signed: Callable[[dict[str, Any]], Any] = lambda data: None,
) -> bytes:
    """Writes the changed run into `folder`, signs it, and returns the certificate.

    `run_text` and `har_text` change the files once they are written, `profile_text` the profile, of which the run
    then says that it was made with it; `signed` changes the statement.
    """
    profile = profile_text((source / "profile.toml").read_text("utf-8"))
    run = folded(change(records.load(source)))
    assert run.inputs is not None
    run = replace(run, inputs=replace(run.inputs, profile=digest(profile.encode())))
    folder.mkdir(parents=True)
    records.write(run, folder)
    for name, edit in ((records.RUN_FILE, run_text), (records.HAR_FILE, har_text)):
        path = folder / name
        path.write_text(edit(path.read_text("utf-8")), "utf-8")
    (folder / "profile.toml").write_text(profile, "utf-8")
    files = evidence.read(folder)
    assert run.inputs is not None
    data = statement.build(
        evidence.Run(run, run.inputs, catalogues.load(run.target.api)),
        files,
        certified_at=statement.instant(_after(run)),
        expires_at=statement.instant(_after(run) + timedelta(days=90)),
        certified_with=statement.made_here(),
        attestation=SELF,
    )
    signed(data)
    content = seal(statement.to_bytes(data), KEY).to_bytes()
    (folder / FILE).write_bytes(content)
    return content


def _after(run: RunRecord) -> datetime:
    try:
        return statement.moment(run.finished_at) + timedelta(minutes=5)
    except ValueError:
        return statement.moment(run.started_at) + timedelta(hours=1)


# -- what is changed -----------------------------------------------------------------------------------------------


def untouched(run: RunRecord) -> RunRecord:
    """The run as it was."""
    return run


def one_invented_check(run: RunRecord) -> RunRecord:
    """A single invented check names all requirements and replaces all other checks."""
    ids = tuple(result.requirement.id for result in run.requirements)
    first = replace(run.checks[0], id="cancellation::everything_holds", requirements=ids, exchanges=(0,))
    return replace(run, checks=(replace(first, outcome=Outcome.PASSED, problem=None, message=""),))


def an_invented_check_more(run: RunRecord) -> RunRecord:
    """A check that this build doesn't have, beside all others."""
    return replace(run, checks=(*run.checks, replace(run.checks[0], id="cancellation::all_is_well")))


def few_checks(run: RunRecord) -> RunRecord:
    """The record has only as many checks as are needed to name every requirement."""
    kept: list[Check] = []
    named: set[str] = set()
    for check in sorted(run.checks, key=lambda one: -len(one.requirements)):
        if set(check.requirements) - named:
            kept.append(check)
            named.update(check.requirements)
    return replace(run, checks=tuple(kept))


def a_check_twice(run: RunRecord) -> RunRecord:
    """A check is repeated in the place of its neighbour."""
    return replace(run, checks=(*run.checks, run.checks[0]))


def a_check_of_more(run: RunRecord) -> RunRecord:
    """A check that claims to be about a requirement more than it is."""
    first = run.checks[0]
    other = next(
        result.requirement.id
        for result in run.requirements
        if result.requirement.id not in first.requirements
    )
    widened = replace(first, requirements=(*first.requirements, other))
    return replace(run, checks=(widened, *run.checks[1:]))


def _all(run: RunRecord, change: Callable[[Exchange], Exchange]) -> RunRecord:
    return replace(run, exchanges=tuple(map(change, run.exchanges)))


def nonsense(run: RunRecord) -> RunRecord:
    """The body of every answer is `{"nonsense": true}`."""
    return _all(run, lambda one: replace(one, response_body=NONSENSE))


def nonsense_refusals(run: RunRecord) -> RunRecord:
    """The body of every refusal is `{"nonsense": true}`."""
    return _all(run, lambda one: replace(one, response_body=NONSENSE) if (one.status or 0) >= 400 else one)


def successes_only(run: RunRecord) -> RunRecord:
    """The answer to every request is the first success of the run: no request was refused."""
    success = next(one for one in run.exchanges if one.method == "POST" and (one.status or 0) // 100 == 2)
    return _all(
        run,
        lambda one: replace(one, status=success.status, response_body=success.response_body),
    )


def another_host(run: RunRecord) -> RunRecord:
    """The exchanges went to another host than the target."""
    return _all(
        run, lambda one: replace(one, url=re.sub("^https?://[^/]+", "https://mock.acme.test", one.url))
    )


def a_longer_host(run: RunRecord) -> RunRecord:
    """The host that was asked begins as the target's does."""
    base = run.target.base_url
    return _all(run, lambda one: replace(one, url=one.url.replace(base, f"{base}.evil.test", 1)))


def _earlier(text: str, days: int = 700) -> str:
    moved = datetime.fromisoformat(text) - timedelta(days=days)
    return moved.isoformat(timespec="microseconds").replace("+00:00", "Z")


def old_exchanges(run: RunRecord) -> RunRecord:
    """Exchanges of two years ago, under today's header."""
    return _all(run, lambda one: replace(one, started_at=_earlier(one.started_at)))


def old_checks(run: RunRecord) -> RunRecord:
    """Checks of two years ago, under today's header."""
    return replace(run, checks=tuple(replace(one, started_at=_earlier(one.started_at)) for one in run.checks))


def ends_before_it_begins(run: RunRecord) -> RunRecord:
    """The run finished before it started."""
    return replace(run, finished_at=_earlier(run.started_at, 1)[:-4] + "Z")


def no_exchanges(run: RunRecord) -> RunRecord:
    """The record has no exchanges, and every check passed."""
    return replace(
        run,
        exchanges=(),
        checks=tuple(replace(one, exchanges=(), problem=None) for one in run.checks),
    )


def another_build(run: RunRecord) -> RunRecord:
    """The run says that another build made it."""
    assert run.inputs is not None
    return replace(run, inputs=replace(run.inputs, build="sha256:" + "0" * 64))


def with_fuzzing(run: RunRecord, idle: Sequence[str]) -> RunRecord:
    """The run claims that it was fuzzed, and that nothing put these checks to the test."""
    return replace(run, fuzz={"examples": 60, "requests": 400, "idle_checks": list(idle), "operations": {}})


def fuzzed_in_vain(run: RunRecord) -> RunRecord:
    """The run claims fuzzing of which nothing put any check to the test."""
    assert run.inputs is not None
    every = [one.id for one in coverage.fuzzed(run.target.api, run.inputs.declared)]
    return with_fuzzing(run, every)


def another_version(run: RunRecord) -> RunRecord:
    """The run says that a version made it which isn't that of the build that it names."""
    return replace(run, harness_version="9.9.9")


def scope_invented(run: RunRecord) -> RunRecord:
    """The other merchant is out of the scope, which the profile doesn't say."""
    return replace(run, target=replace(run.target, scope=(("other_merchant", "there is one account"),)))


def capability_denied(run: RunRecord) -> RunRecord:
    """The run says that a capability wasn't declared, which the profile declares."""
    assert run.inputs is not None
    return replace(run, inputs=replace(run.inputs, declared={**run.inputs.declared, "settlement": None}))


def let_in(run: RunRecord) -> RunRecord:
    """Requests without credentials were answered as the first success was, and the checks passed."""
    success = next(one for one in run.exchanges if one.method == "POST" and (one.status or 0) // 100 == 2)
    return _all(
        run,
        lambda one: (
            replace(one, status=success.status, response_body=success.response_body)
            if one.auth is Auth.NONE
            else one
        ),
    )


def watched_long(run: RunRecord) -> RunRecord:
    """The run says that it watched for an hour what it had cancelled, and took a moment."""
    return replace(run, options={**run.options, "watch_s": 3600.0})


def one_good_answer(run: RunRecord) -> RunRecord:
    """Every check refers to the same good answer."""
    return replace(
        run, checks=tuple(replace(one, exchanges=(0,) if one.exchanges else ()) for one in run.checks)
    )


def passed_after_all(run: RunRecord) -> RunRecord:
    """A paid resource was cancelled, and the check that saw it passed after all."""
    success = next(one for one in run.exchanges if one.method == "POST" and (one.status or 0) // 100 == 2)
    row = next(one for one in catalogues.load(run.target.api).matrix if one.status >= 400)
    pattern = tried_states.pattern(row.checks)
    seen = {number for check in run.checks if pattern.fullmatch(check.id) for number in check.exchanges}
    return replace(
        run,
        exchanges=tuple(
            replace(one, status=success.status, response_body=success.response_body)
            if number in seen and one.method == "POST"
            else one
            for number, one in enumerate(run.exchanges)
        ),
    )


def second_sixty(run: RunRecord) -> RunRecord:
    """The run ended in a second that no clock here has."""
    return replace(run, finished_at=run.finished_at[:17] + "60.000Z")


def far_off(run: RunRecord) -> RunRecord:
    """The run ended on the last day of the calendar."""
    return replace(run, finished_at="9999-12-31T23:59:59.999Z")


Change = Callable[[Any], Any]
FORGERIES: dict[str, tuple[Callable[[RunRecord], RunRecord], dict[str, Change], str]] = {
    "one-invented-check": (one_invented_check, {}, "this build has no check cancellation::everything_holds"),
    "an-invented-check-more": (
        an_invented_check_more,
        {},
        "this build has no check cancellation::all_is_well",
    ),
    "few-checks": (few_checks, {}, "are missing, and the run doesn't say that they were left out"),
    "a-check-twice": (a_check_twice, {}, "stands twice"),
    "a-check-of-more": (a_check_of_more, {}, "is about other requirements"),
    "nonsense": (nonsense, {}, "breaks the documented schema"),
    "nonsense-refusals": (nonsense_refusals, {}, "breaks the documented schema"),
    "successes-only": (successes_only, {}, "none of its answers has"),
    "another-host": (another_host, {}, "not below the target's base_url"),
    "a-longer-host": (a_longer_host, {}, "not below the target's base_url"),
    "old-exchanges": (old_exchanges, {}, "exchange 0 began at"),
    "old-checks": (old_checks, {}, "began at"),
    "ends-before-it-begins": (ends_before_it_begins, {}, "before it began"),
    "no-exchanges": (no_exchanges, {}, "passed without a single exchange"),
    "verdict-twice": (untouched, {"run_text": edits.verdict_twice}, 'the name "verdict" stands twice'),
    "not-a-number": (untouched, {"run_text": edits.not_a_number}, "NaN is no JSON"),
    "commented": (untouched, {"run_text": edits.commented}, "is no JSON"),
    "byte-order-mark": (untouched, {"run_text": edits.byte_order_mark}, "byte order mark"),
    "exchanges-twice": (
        untouched,
        {"har_text": lambda text: text.replace('{"log":', '{"log":{},"log":', 1)},
        'the name "log" stands twice',
    ),
    "fuzzed-in-vain": (fuzzed_in_vain, {}, "no check of it judged an answer"),
    "another-version": (
        another_version,
        {},
        "says that payout-conformance 9.9.9 made its run, and names the build of",
    ),
    "scope-dropped": (untouched, {"profile_text": edits.scoped}, "claims another scope than profile.toml"),
    "scope-invented": (scope_invented, {}, "claims another scope than profile.toml"),
    "capability-denied": (capability_denied, {}, "claims other capabilities than profile.toml"),
    "let-in": (let_in, {}, "without credentials, was accepted"),
    "watched-long": (watched_long, {}, "says that it watched for 3600 s what it had cancelled"),
    "one-good-answer": (one_good_answer, {}, "none of its answers has"),
    "passed-after-all": (passed_after_all, {}, "none of its answers has"),
    "valid-for-decades": (untouched, {"signed": edits.for_decades}, "`certify` allows for 366 at most"),
    "more-states-tried": (untouched, {"signed": edits.more_states}, "is not what the run's files say"),
    "second-sixty": (second_sixty, {}, "names an instant that doesn't exist"),
}
"""By name: what is changed of the run, of its files, and the sentence by which it is refused."""


def forge(name: str, source: Path, folder: Path) -> bytes:
    """Writes one forgery into `folder`, and returns its certificate."""
    change, texts, _ = FORGERIES[name]
    return forged(source, folder, change, **texts)


def main(words: Sequence[str]) -> None:
    """Writes all forgeries of the run in the first folder below the second one."""
    source, out = map(Path, words)
    for name in FORGERIES:
        forge(name, source, out / name)
    (out / "signer.pub.pem").write_bytes(KEY.public.pem)


if __name__ == "__main__":
    main(sys.argv[1:])
