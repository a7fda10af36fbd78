"""Tells which checks rest on the refusal of a listed resource that may have moved on before its cancel.

A list of ids says which state its resources had when somebody wrote it. Where nothing can be read, nothing shows
whether one still has it: the documented refusal is what an honest target answers for one that has been paid meanwhile.
Such a check begins again with other ids. If it still fails, and the first request about some listed resource was
refused like this, it is not testable: the list is in doubt, and so is what rests on it.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance import contracts, pointer
from conformance.http.redact import for_profile
from conformance.model import Auth, Check, Exchange, Outcome
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.profile import Profile
from conformance.states import id_lists, untouched
from conformance.states.source_advice import ids_table

# The ids that a check may take which begins again.
_PER_CHECK = 2
_HINT = (
    "Set states.read_path, so that the state is seen before it counts; or list ids of resources that nothing moves on, "
    "or name a source that makes new ones (states.url)."
)


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of a profile without a read: how many first requests were cancels that were refused, or accepted."""

    profile: Profile
    refused: Counter[str]
    accepted: Counter[str]

    def doubted(self, check: Check, exchanges: Sequence[Exchange]) -> tuple[str, ...]:
        """Returns the kinds (`Wanted.of_whom`) whose listed resources were refused to a check, as final ones are.

        None where the check was judged by nothing, or where a request about the resource was accepted before.
        """
        wrong = check.outcome in (Outcome.FAILED, Outcome.WARNED)
        control = check.outcome is Outcome.NOT_TESTABLE and check.problem is not None
        if not wrong and not control:
            return ()
        states = contracts.contract(self.profile.target.api).states
        may = (*states.cancellable, *states.conditional)
        sent = [exchanges[index] for index in check.named]
        return tuple(
            dict.fromkeys(
                kind
                for name, kind in check.resources
                if kind.partition(",")[0] in may and self._is_refused(name, sent)
            )
        )

    def is_in_doubt(self, kinds: Collection[str]) -> bool:
        """Returns whether the first request about a resource of such a list was a cancel that was refused."""
        return any(self.refused[kind] for kind in kinds)

    def may_begin_again(self, kinds: Collection[str], left: Counter[str]) -> bool:
        """Returns whether other ids may tell more, and takes those of one check from what is `left`."""
        if any(self.refused[kind] and not self.accepted[kind] for kind in kinds):
            return False
        if any(left[kind] < _PER_CHECK for kind in kinds):
            return False
        left.subtract(dict.fromkeys(kinds, _PER_CHECK))
        return True

    def left(self) -> Counter[str]:
        """Returns the number of unused ids of each kind."""
        return Counter(id_lists.left(self.profile) or {})

    def judged(self, check: Check, exchanges: Sequence[Exchange]) -> Check:
        """Returns the check; as not testable where it rests on a refusal, and the list is in doubt."""
        kinds = self.doubted(check, exchanges)
        if not self.is_in_doubt(kinds):
            return check
        return replace(check, outcome=Outcome.NOT_TESTABLE, message=self._message(kinds), problem=None)

    def _is_refused(self, name: str, sent: Sequence[Exchange]) -> bool:
        """Returns whether the documented cancel of a resource is refused as that of a final one, all else as well."""
        contract = contracts.contract(self.profile.target.api)
        path = contract.requests.cancel.replace("{id}", name)
        about = [one for one in sent if name in one.url]
        if any(one.method != "GET" and one.status is not None and one.status < 300 for one in about):
            return False
        return any(
            one.auth is Auth.DOCUMENTED and one.url.endswith(path) and self._is_final(one) for one in about
        )

    def _is_final(self, one: Exchange) -> bool:
        answers = contracts.contract(self.profile.target.api).answers
        if one.status != answers.refused.status:
            return False
        try:
            body = json.loads(one.response_body)
            return bool(pointer.resolve(body, "/" + answers.code.replace(".", "/")) == answers.refused.code)
        except (ValueError, LookupError, RecursionError):
            return False

    def _message(self, kinds: Sequence[str]) -> str:
        contract = contracts.contract(self.profile.target.api)
        refused, kind = contract.answers.refused, kinds[0]
        state, _, owner = kind.partition(", of ")
        number, every = self.refused[kind], self.refused[kind] + self.accepted[kind]
        return (
            f"{ids_table(owner or 'primary')}.{state} is in doubt: of {every} {contract.noun}s that were cancelled "
            f"before anything else was sent to them {number} {'was' if number == 1 else 'were'} refused with "
            f"{refused}, as is documented for one that can't be cancelled any more, and nothing shows the state that a "
            f"listed one has by now. {_HINT}"
        )


def lists(profile: Profile, folder: Path) -> Lists | None:
    """Returns what a run has seen of its profile's lists; None where a read shows states, or no ids are listed.

    Raises as `RunAnswers.answers` does.
    """
    if not untouched.is_all_that_shows(profile):
        return None
    contract, first = contracts.contract(profile.target.api), untouched.Untouched(profile, folder)
    refused, accepted = Counter[str](), Counter[str]()
    seen: dict[str, list[RecordedAnswer]] = {}
    told = RunAnswers(folder, for_profile(profile))
    answers, explained = told.answers(), told.explained()
    for one in answers:
        if one.resource is not None and one.resource.id not in explained and first.has(one.resource.id):
            seen.setdefault(one.resource.id, []).append(one)
    for about in seen.values():
        assert about[0].resource is not None
        wanted = about[0].resource.wanted
        if any(one.reply.ok and contract.answers.succeeded(one.reply.json) for one in about):
            accepted[wanted.of_whom()] += 1
        elif any(one.documented and one.by == wanted.whose and _is_final(profile, one) for one in about):
            refused[wanted.of_whom()] += 1
    return Lists(profile, refused, accepted)


def _is_final(profile: Profile, one: RecordedAnswer) -> bool:
    """Returns whether an answer is the documented refusal."""
    answers = contracts.contract(profile.target.api).answers
    return (one.reply.status, one.reply.at(answers.code)) == (answers.refused.status, answers.refused.code)
