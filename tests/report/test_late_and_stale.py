"""Effects that came late, reads that were answered from before, and when a target began to be unavailable."""

from dataclasses import replace

from conformance.model import Auth, Exchange, Harm, Level, Outcome, Problem, RunRecord
from conformance.report import explain, gaps, outage, put_off, terminal
from conformance.report.kept_answers import KeptAnswers
from tests.report import sample

READ_URL = f"https://sandbox.acme.test/api/v1/withdraws/{sample.WITHDRAW}"
F = Outcome.FAILED
REQUIREMENTS = [
    sample.requirement("WD-09", harm=Harm.MONEY),
    sample.requirement("WD-12", harm=Harm.TENANTS),
    sample.requirement("WD-31", harm=Harm.TENANTS),
]


def at(second: float, made: Exchange) -> Exchange:
    """The exchange, begun so many seconds after the first."""
    return replace(made, started_at=f"2026-03-01T12:00:{second:09.6f}Z")


def read(status: str = "pending", **more: object) -> Exchange:
    """A GET that shows a status."""
    body = f'{{"success": true, "data": {{"status": "{status}"}}}}'.encode()
    return replace(sample.exchange(method="GET", url=READ_URL, response_body=body), **more)  # type: ignore[arg-type]


def run(exchanges: list[Exchange], **failing: tuple[str, tuple[int, ...]]) -> RunRecord:
    """A run with failing checks by their names: the requirement, and the exchanges, the last of which decides."""
    checks = [
        sample.check(
            f"a::{name}",
            F,
            requirement_id,
            exchanges=own,
            resources=((sample.WITHDRAW, "pending"),),
            problem=Problem("x", f"observed by {name}", exchange=own[-1], fault=f"Fault of {name}"),
        )
        for name, (requirement_id, own) in failing.items()
    ]
    return sample.folded(REQUIREMENTS, checks, exchanges)


def test_effects_that_came_late_after_the_same_refusal_are_one_headline() -> None:
    """The check with the worst harm tells it; one that looked at once, or after another refusal, isn't folded."""
    refused = sample.refusal(401, b"{}", auth=Auth.ALTERED)
    late = [at(0, refused), at(3, read("canceled")), at(10, refused), at(12, read("canceled"))]
    found = explain.problems(run(late, one=("WD-09", (0, 1)), other=("WD-31", (2, 3))))
    assert [one.requirement.id for one in found] == ["WD-09"]
    assert [one.requirement.id for one in found[0].folded] == ["WD-31"]

    soon = [*late[:2], at(10, refused), at(10.1, read("canceled"))]
    assert len(explain.problems(run(soon, one=("WD-09", (0, 1)), other=("WD-31", (2, 3))))) == 2
    apart = [*late[:2], at(10, replace(refused, status=404)), late[3]]
    assert len(explain.problems(run(apart, one=("WD-09", (0, 1)), other=("WD-31", (2, 3))))) == 2


def test_effect_after_a_success_is_not_put_off() -> None:
    """Where a request that changes something succeeded, what a read shows later is no effect of a refusal."""
    made = run([at(0, sample.exchange()), at(3, read("canceled"))], one=("WD-09", (0, 1)))
    assert put_off.refused_before(made, made.checks[0]) == frozenset()


def test_read_that_shows_what_it_did_before_a_change_says_so() -> None:
    """The title and a remark tell it; what others are shown, byte for byte, is folded under it."""
    foreign = read(
        request_headers=(("X-API-Key", "[redacted:other_merchant.api_key]"),),
        started_at="2026-03-01T12:00:20Z",
    )
    exchanges = [at(0, read()), at(1, sample.exchange()), at(2, read()), foreign]
    made = run(exchanges, stale=("WD-09", (0, 1, 2)), foreign=("WD-12", (3,)))

    (found,) = explain.problems(made)

    assert found.title == "Fault of stale: the same answer, byte for byte, as before"
    assert "byte for byte" in found.remarks[0]
    assert [one.requirement.id for one in found.folded] == ["WD-12"]


def test_read_that_shows_something_new_or_before_any_change_is_no_kept_answer() -> None:
    """An answer that differs, and one without a change in between, are told as they are."""
    other = run([at(0, read()), at(1, sample.exchange()), at(2, read("paid"))], one=("WD-09", (0, 1, 2)))
    assert not KeptAnswers(other).is_kept(other.checks[0])
    unchanged = run([at(0, read()), at(2, read())], one=("WD-09", (0, 1)))
    assert KeptAnswers(unchanged).is_kept(unchanged.checks[0])
    assert KeptAnswers(unchanged).since_before(unchanged.checks[0]) is None


def outages() -> RunRecord:
    """A run whose first 502 came slowly, to a cancel, and whose later ones came at once."""
    slow = at(1, sample.exchange(status=502, duration_s=0.13, response_body=b""))
    quick = [at(2 + number, read(status="", duration_s=0.002)) for number in range(3)]
    refused = at(0.5, sample.refusal())
    checks = [
        sample.check(
            "a::first",
            F,
            "WD-09",
            exchanges=(0,),
            resources=((sample.WITHDRAW, "pending"),),
            problem=Problem("200", "400", exchange=0, fault="A cancel was refused"),
        ),
        sample.check("a::unserved", Outcome.ERROR, "WD-12", message="unavailable: the target answered 502"),
        sample.check(
            "a::again",
            Outcome.ERROR,
            "WD-31",
            message="unavailable: the target answered 502, each of 5 times",
        ),
    ]
    unserved = [replace(one, status=502, response_body=b"") for one in quick]
    return sample.folded(REQUIREMENTS, checks, [refused, slow, *unserved])


def test_beginning_of_an_outage_is_told_once() -> None:
    """The first request that wasn't served, how long it took, and that the later ones were answered at once."""
    made = outages()

    (gap,) = gaps.causes(made, Outcome.ERROR)

    assert gap.ids == ("WD-12", "WD-31")
    assert "It began with POST /api/v1/withdraws/" in gap.reason
    assert "(pending), 502 after 130 ms" in gap.reason
    assert "those that followed came after 2 ms. A proxy that gave up" in gap.reason
    assert "It began with POST" in " ".join(terminal.text(made).split())


def test_problem_of_the_kind_of_request_that_began_an_outage_is_linked_with_it() -> None:
    """The same kind of request, to a resource in the same state; not another method."""
    made = outages()
    assert "Such a request was also the first that was answered 502" in " ".join(
        explain.problems(made)[0].remarks
    )
    other = replace(made, exchanges=(replace(made.exchanges[0], method="PUT"), *made.exchanges[1:]))
    assert outage.like(other, other.checks[0]) == ""


def test_run_without_an_outage_says_nothing_of_one() -> None:
    """No 502, 503 or 504: no sentence."""
    assert outage.began(sample.folded(REQUIREMENTS, [], [sample.exchange()])) == ""


def test_requirements_that_follow_are_told_with_what_was_seen() -> None:
    """Each has an entry of its own: its outcome, its title, and the fault; a further check of a requirement, too."""
    refused = sample.refusal(401, b"{}", auth=Auth.ALTERED)
    late = [at(0, refused), at(3, read("canceled")), at(10, refused), at(12, read("canceled"))]
    far = {"reading elsewhere without credentials": ("WD-09", (0, 1))}
    made = run(late, one=("WD-09", (0, 1)), other=("WD-31", (2, 3)), **far)
    said = " ".join(terminal.text(made, width=200).split())
    assert "follows WD-31 failed (Title of WD-31): Fault of other" in said
    assert "besides Fault of reading elsewhere without credentials" in said


def test_level_that_a_profile_declares_has_to_hold() -> None:
    """A MAY that failed because the profile declares it says so."""
    requirement = sample.requirement("WD-42", Level.MAY, capability="settlement")
    failing = sample.check("a::b", F, "WD-42", level=Level.MAY, problem=Problem("x", "y", fault="Fault"))
    made = sample.folded([requirement], [failing], declared={"settlement": True})
    assert "WD-42 MAY, which has to hold as the profile declares it" in terminal.text(made)


def test_read_between_two_changes_is_not_one_from_before() -> None:
    """A retry changes nothing: the read after it shows what the one behind the first cancel did, and rightly so."""
    exchanges = [at(0, sample.exchange()), at(1, read()), at(2, sample.exchange()), at(3, read())]
    made = run(exchanges, cut=("WD-09", (0, 1, 2, 3)))

    (found,) = explain.problems(made)

    assert found.title == "Fault of cut"
