"""Verifies that a resource is in the state that its source claims: a source's mistake is never held against the target.

The owner reads each resource before it is used. Where source and read disagree, the documented cancel decides, as the
target's read may be wrong. The result for a state is kept in the run's folder, for every worker and for the fuzzing.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from uuid import uuid4

from conformance import contracts, unknown_ids
from conformance.errors import NotTestable
from conformance.http import summary
from conformance.http.polling import Polling
from conformance.http.reply import MISSING, Reply
from conformance.model import Exchange
from conformance.profile import Profile
from conformance.report.safe import line, same_but_ids
from conformance.states.documented import Documented
from conformance.states.resource import Resource, Wanted
from conformance.states.source_advice import source_of

FOLDER = "marks"
# How long a resource that was made just now may take to show up, in seconds.
_LAG_S = 2.0
# These statuses are about the caller, the moment or the method, and say nothing of the resource.
_NO_WORD = (401, 405, 408, 425, 429)
_UNKNOWN = (403, 404, 410)


class View(Enum):
    """The state that a look at a resource shows, compared with the state that was asked for."""

    AS_ASKED = "as asked"
    LATER = "later"
    EARLIER = "earlier"
    OTHER = "other"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a resource: the status that was `said`, and the `reply` that said it, None where the source did."""

    view: View
    said: str = ""
    reply: Reply | None = None


class Verifier:
    """Looks at resources with their owners' credentials. `cite` puts exchanges on record. Raises TransportError."""

    def __init__(
        self, profile: Profile, documented: Documented, folder: Path, cite: Callable[[list[Exchange]], object]
    ) -> None:
        self._profile, self._documented, self._cite = profile, documented, cite
        self._folder = folder / FOLDER
        self._contract = contracts.contract(profile.target.api)
        self._states = self._contract.states
        self._every = self._states.every(profile.states.terminal)
        self._bare_status = self._contract.answers.status.rpartition(".")[2]
        # Whether any read has told a status.
        self.has_read = False

    def reject_known_fault(self, wanted: Wanted) -> None:
        """Raises NotTestable where the source has been found to hand out something else for that state."""
        try:
            found = json.loads(self._file(wanted, "source").read_text())
        except (OSError, ValueError):
            return
        raise NotTestable(found["message"], hint=found["hint"])

    def misread(self, wanted: Wanted) -> View | None:
        """Returns how the target's own read is wrong about resources in that state, None where it isn't."""
        try:
            return View(self._file(wanted, "read").read_text())
        except (OSError, ValueError):
            return None

    def look(self, resource: Resource) -> Look:
        """Returns what its owner reads of it; where nothing can be read, what the source itself said of it."""
        wanted = resource.wanted
        if self.misread(wanted) is not None:
            return Look(View.AS_ASKED)
        if not self._documented.can_read:
            said = resource.facts.get("status")
            if isinstance(said, str) and said in self._every:
                return Look(self._compared(wanted.status, said), said)
            return Look(View.AS_ASKED)  # nothing, or the status of its answer, say "ok"
        return Polling(_LAG_S).until(
            lambda: self._read(resource), lambda look: look.view not in (View.GONE, View.EARLIER)
        )

    def decide(self, resource: Resource, look: Look) -> bool:
        """Decides who is wrong about a resource that doesn't look as asked; returns whether that has used it up.

        Returns where it is the target's read, which is for the checks to judge. Raises NotTestable where it is the
        source, now and each time that state is asked for later.
        """
        wanted = resource.wanted
        cancel: Reply | None = None
        if look.reply is not None and not self._profile.reads_only(wanted.whose):
            cancel = self._documented.cancel(resource.id, wanted.whose)
            if self._reads_wrong(resource, look, cancel):
                self._write(self._file(wanted, "read"), look.view.value)
                return self._took(cancel)
        self._cite([one.exchange for one in (look.reply, cancel) if one is not None])
        message, hint = self._words(resource, look, cancel)
        self._write(self._file(wanted, "source"), json.dumps({"message": message, "hint": hint}))
        self.reject_known_fault(wanted)
        raise NotTestable(message, hint=hint)

    def is_stranger(self, resource: Resource, cancel: Reply) -> bool:
        """Returns whether the answer to its cancel is the one that an id gets which names nothing."""
        made_up, whose = self._made_up(resource), resource.wanted.whose
        if self._blank(cancel, resource.id) != self._blank(self._documented.cancel(made_up, whose), made_up):
            return False
        if cancel.status in _UNKNOWN or self._contract.requests.read is not None:
            return True
        # A target that refuses everything in the same words says nothing: another form of id tells them apart.
        other, _ = self._contract.unknown_id(None)
        return self._blank(cancel, resource.id) != self._blank(self._documented.cancel(other, whose), other)

    def _is_shut_out(self, resource: Resource) -> bool:
        """Returns whether the owner may read nothing at all: then a 403 says nothing of this one."""
        return self._documented.read(self._made_up(resource), resource.wanted.whose).status == 403

    def _made_up(self, resource: Resource) -> str:
        """Returns an id that names nothing, in the shape of the resource's own where that is safe."""
        return unknown_ids.sure_like(resource.id) or self._contract.unknown_id(None)[0]

    # -- inside --------------------------------------------------------------------------------------------

    def _read(self, resource: Resource) -> Look:
        reply = self._documented.read(resource.id, resource.wanted.whose)
        if reply.status == 403 and self._is_shut_out(resource):
            return Look(View.AS_ASKED, reply=reply)
        return self._seen(resource.wanted, reply)

    def _seen(self, wanted: Wanted, reply: Reply) -> Look:
        if not reply.ok:
            gone = 400 <= reply.status < 500 and reply.status not in _NO_WORD
            return Look(View.GONE if gone else View.AS_ASKED, reply=reply)
        said = self._documented.status(reply)
        # A target may leave out what stands around it, in its cancels too.
        self.has_read |= isinstance(said, str) or isinstance(reply.at(self._bare_status), str)
        if said is MISSING or not isinstance(said, str):
            return Look(View.AS_ASKED, reply=reply)  # what a read has to show is for the checks to say
        return Look(self._compared(wanted.status, said), said, reply)

    def _compared(self, asked: str, said: str) -> View:
        if _spelled(asked) == _spelled(said):
            return View.AS_ASKED
        way = self._states.transient
        if self._contract.requests.read is None and _spelled(said) not in map(_spelled, self._every):
            return View.AS_ASKED  # no document says how a read has to call it
        if said in way:
            return View.LATER if asked in way and way.index(said) > way.index(asked) else View.EARLIER
        ended = _spelled(said) != _spelled(self._states.cancelled)
        return View.LATER if asked in way and ended else View.OTHER

    def _reads_wrong(self, resource: Resource, look: Look, cancel: Reply) -> bool:
        """Returns whether the documented cancel of it speaks for the source, and against what was read."""
        asked, said, gone = resource.status, look.said, look.view is View.GONE
        must = self._states.cancellable
        may = (*must, *self._states.conditional)
        if self._took(cancel):
            # A target that calls it final and cancels it contradicts itself, whatever the source meant.
            return gone or said not in may
        if not 400 <= cancel.status < 500 or cancel.status in (*_NO_WORD, *_UNKNOWN):
            return False
        if gone:
            return not self.is_stranger(resource, cancel)
        if asked in must:
            return False
        message = cancel.at(self._contract.answers.message)
        names = isinstance(message, str) and re.search(rf"\b{re.escape(asked)}\b", message) is not None
        return said in must or (names and asked not in may)

    def _words(self, resource: Resource, look: Look, cancel: Reply | None) -> tuple[str, str]:
        wanted, source = resource.wanted, source_of(self._profile, resource.wanted)
        gave = f"{source} was asked for {wanted.described()}, and gave {line(repr(resource.id), 80)}"
        also = (
            f", and its documented cancel is answered by {summary.brief(cancel)}"
            if cancel is not None
            else ""
        )
        if look.view is View.GONE and look.reply is not None:
            return f"{gave}, but its owner's read of it is answered by {summary.brief(look.reply)}{also}", (
                f"Does it make {self._contract.noun}s of this very target, environment and merchant "
                f"([credentials.{wanted.whose}])?"
            )
        where = "reading it says" if look.reply is not None else "says itself that its status is"
        hint = "Mend the source, or the list: what needs this state would be tested on another one."
        named = self._profile.states.terminal
        if self._states.named_by_profile and wanted.status in named and look.said not in named:
            hint += f" If this target calls that state {line(look.said, 40)}, name it so in states.terminal."
        return f"{gave}, but {where} {line(repr(look.said), 60)}{also}", hint

    def _file(self, wanted: Wanted, kind: str) -> Path:
        mark = hashlib.sha256(f"{wanted.whose} {wanted.status}".encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / f"{mark[:32]}.{kind}"

    def _write(self, file: Path, text: str) -> None:
        """Writes a file unless there is one: the first result holds for all workers."""
        self._folder.mkdir(exist_ok=True)
        draft = self._folder / f"{uuid4()}.draft"
        draft.write_text(text)
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def _took(self, reply: Reply) -> bool:
        """Returns whether a cancel was accepted, however that is put."""
        return reply.ok and self._contract.answers.succeeded(reply.json)

    def _blank(self, reply: Reply, resource_id: str) -> tuple[int, object, str]:
        """Returns what answers about different ids have in common."""
        code = reply.at(self._contract.answers.code)
        return reply.status, code, same_but_ids(reply.text.replace(resource_id, "*"))


def _spelled(status: str) -> str:
    """Returns a status in one spelling: how it is spelt is for the checks to judge."""
    return re.sub(r"[^a-z0-9]", "", status.casefold()).replace("ll", "l")
