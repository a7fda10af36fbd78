"""Whether a resource is in the state that it was asked for: where a read shows another one, its source is at fault."""

import threading

from conformance.errors import NotTestable, TransportError
from conformance.fuzz.judge import Judge
from conformance.fuzz.resources import UNKNOWN
from conformance.fuzz.walks_plan import Step, Walk
from conformance.fuzz.walks_sent import Lease, Sender, leased
from conformance.http.patience import Patience
from conformance.http.reply import MISSING, Reply
from conformance.session import Session

# What may have moved on by itself by the time that it is read.
_MOVES = "processing"
_NEVER_REACHED = ("pending", "requires_approval", "canceled", "cancelled")


def contradiction(api: str, state: str, reply: Reply) -> str | None:
    """What reading a resource shows that isn't in the `state` asked for, None where it may well be."""
    if reply.status == 404:
        return "reading it is answered by 404"
    status = reply.at("data.status" if api == "withdraws" else "status")
    if not reply.ok or status is MISSING or not isinstance(status, str) or status == state:
        return None
    if state == _MOVES and status not in _NEVER_REACHED:
        return None
    return f"reading it shows the status {status[:80]!r}"


class Sources:
    """Looks at a new resource of each state that matters, once per run. Safe to use from several threads."""

    def __init__(self, session: Session, judge: Judge, lease: Lease) -> None:
        self._session, self._judge, self._lease = session, judge, lease
        self._lock = threading.Lock()
        self._known: dict[str, str | None] = {}

    def fault(self, entry: str) -> str | None:
        """What is wrong with resources of an entry as `Walk.start` has it, None where nothing is known against them.

        Raises BudgetError.
        """
        if entry.partition(":")[0] == UNKNOWN:
            return None
        with self._lock:
            if entry not in self._known:
                self._known[entry] = self._looked(entry)
            return self._known[entry]

    def _looked(self, entry: str) -> str | None:
        api = self._judge.api
        if api == "withdraws" and self._session.profile.states.read_path is None:
            return None
        owner, _, state = entry.rpartition(":")
        read, cancel = Step("read", by=owner or "primary"), Step("cancel", by=owner or "primary")
        walk = Walk(api, (entry,), (read, cancel))
        try:
            parties = leased(walk, self._session, self._lease)
            sender = Sender(walk, self._session, self._judge, parties, Patience())
            # A copy that is read from may not have heard of it yet.
            reply = Patience().until(
                lambda: sender.ask(read), lambda reply: contradiction(api, state, reply) is None
            )
            why = contradiction(api, state, reply)
            if reply.status == 404 and sender.ask(cancel).status != 404:
                return None  # it exists: that it can't be read is the target's
        except (NotTestable, TransportError):
            return None
        if why is None:
            return None
        return f"the state source was asked for {state}, and handed out {parties[0].id}: {why}"
