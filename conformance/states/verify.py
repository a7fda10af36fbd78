"""Is a resource what its source says? The owner reads it before it is used; a source's mistake is never the target's.

Where the two disagree, the documented cancel has the last word, as the target's read may be what is wrong. What was
found of a state is left in the run's folder: it holds for every worker, and for the fuzzing.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from uuid import uuid4

from conformance.errors import NotTestable
from conformance.http.reply import MISSING, Reply
from conformance.model import Exchange
from conformance.profile import Profile
from conformance.report.safe import line, same_but_ids
from conformance.states.documented import Documented
from conformance.states.resource import NOUNS, Resource, Wanted, alike
from conformance.states.told import source_of, told

FOLDER = "marks"
# How long what was made just now may take to show up, in seconds.
_LAG_S = 2.0
# The states that a resource goes through by itself, in their order; any final one but the cancelled may follow.
_WAY = {"withdraws": ("pending", "processing"), "payout-intents": ("requires_approval", "processing")}
_CANCELLED = {"withdraws": "canceled", "payout-intents": "cancelled"}
# What a cancel may be accepted for, and what it must be.
_MAY = {"withdraws": ("pending", "processing"), "payout-intents": ("requires_approval",)}
_MUST = {"withdraws": ("pending",), "payout-intents": ("requires_approval",)}
# These say nothing of the resource: not you, not now, not so.
_NO_WORD = (401, 405, 408, 425, 429)
_UNKNOWN = (403, 404, 410)


class View(Enum):
    """What a look at a resource shows, beside the state that was asked for."""

    AS_ASKED = "as asked"
    LATER = "later"
    EARLIER = "earlier"
    OTHER = "other"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a resource: the status that was `said`, and the answer that said it; None where the source did."""

    view: View
    said: str = ""
    reply: Reply | None = None


class Verifier:
    """Looks at resources on behalf of their owners. `cite` puts an exchange on record. Raises TransportError."""

    def __init__(
        self, profile: Profile, documented: Documented, folder: Path, cite: Callable[[list[Exchange]], object]
    ) -> None:
        self._profile, self._documented, self._cite = profile, documented, cite
        self._folder = folder / FOLDER
        self._api = profile.target.api
        self._final = ("paid", "failed", "canceled") if self._api == "withdraws" else profile.states.terminal

    def known(self, wanted: Wanted) -> None:
        """Raises NotTestable where the source has been found to hand out something else for that state."""
        try:
            found = json.loads(self._file(wanted, "source").read_text())
        except (OSError, ValueError):
            return
        raise NotTestable(found["message"], hint=found["hint"])

    def misread(self, wanted: Wanted) -> View | None:
        """How the target's own read is wrong about resources in that state, None where it isn't."""
        try:
            return View(self._file(wanted, "read").read_text())
        except (OSError, ValueError):
            return None

    def look(self, resource: Resource) -> Look:
        """What the owner sees of it, or, where nothing can be read, what the source itself said of it."""
        wanted = resource.wanted
        if self.misread(wanted) is not None:
            return Look(View.AS_ASKED)
        if not self._documented.can_read:
            said = resource.facts.get("status")
            if isinstance(said, str) and said in (*_WAY[self._api], *self._final):
                return Look(self._compared(wanted.status, said), said)
            return Look(View.AS_ASKED)  # nothing, or the status of its answer, say "ok"
        deadline, pause = time.monotonic() + _LAG_S, 0.02
        while True:
            reply = self._documented.read(resource.id, wanted.whose)
            look = self._seen(wanted, reply)
            if reply.status == 403 and self._is_shut_out(resource):
                return Look(View.AS_ASKED, reply=reply)
            waits = look.view in (View.GONE, View.EARLIER)
            if not waits or time.monotonic() + pause > deadline:
                return look
            time.sleep(pause)
            pause = min(2 * pause, 0.25)

    def settle(self, resource: Resource, look: Look) -> bool:
        """Who is wrong about a resource that doesn't look as asked; whether finding that out has used it up.

        Returns where it is the target's read, which is for the checks to judge. Raises NotTestable where it is the
        source, now and for whoever asks for that state later.
        """
        wanted = resource.wanted
        cancel: Reply | None = None
        if look.reply is not None and not self._profile.reads_only(wanted.whose):
            cancel = self._documented.cancel(resource.id, wanted.whose)
            if self._reads_wrong(resource, look, cancel):
                self._write(self._file(wanted, "read"), look.view.value)
                return _took(cancel)
        self._cite([one.exchange for one in (look.reply, cancel) if one is not None])
        message, hint = self._words(resource, look, cancel)
        self._write(self._file(wanted, "source"), json.dumps({"message": message, "hint": hint}))
        self.known(wanted)
        raise NotTestable(message, hint=hint)

    def is_stranger(self, resource: Resource, cancel: Reply) -> bool:
        """Whether the answer to its cancel is the one that an id gets which names nothing."""
        made_up, whose = alike(resource.id) or str(uuid4()), resource.wanted.whose
        if _blank(cancel, resource.id) != _blank(self._documented.cancel(made_up, whose), made_up):
            return False
        if cancel.status in _UNKNOWN or self._api != "withdraws":
            return True
        # A target that refuses everything in the same words says nothing: another form of id tells them apart.
        other = str(uuid4())
        return _blank(cancel, resource.id) != _blank(self._documented.cancel(other, whose), other)

    def _is_shut_out(self, resource: Resource) -> bool:
        """Whether the owner may read nothing at all: then a 403 says nothing of this one."""
        made_up = alike(resource.id) or str(uuid4())
        return self._documented.read(made_up, resource.wanted.whose).status == 403

    # -- inside --------------------------------------------------------------------------------------------

    def _seen(self, wanted: Wanted, reply: Reply) -> Look:
        if not reply.ok:
            gone = 400 <= reply.status < 500 and reply.status not in _NO_WORD
            return Look(View.GONE if gone else View.AS_ASKED, reply=reply)
        said = self._documented.status(reply)
        if said is MISSING or not isinstance(said, str):
            return Look(View.AS_ASKED, reply=reply)  # what a read has to show is for the checks to say
        return Look(self._compared(wanted.status, said), said, reply)

    def _compared(self, asked: str, said: str) -> View:
        if _spelled(asked) == _spelled(said):
            return View.AS_ASKED
        way = _WAY[self._api]
        if self._api == "withdraws" and _spelled(said) not in map(_spelled, (*way, *self._final)):
            return View.AS_ASKED  # no document says how a read has to call it
        if said in way:
            return View.LATER if asked in way and way.index(said) > way.index(asked) else View.EARLIER
        ended = _spelled(said) != _spelled(_CANCELLED[self._api])
        return View.LATER if asked in way and ended else View.OTHER

    def _reads_wrong(self, resource: Resource, look: Look, cancel: Reply) -> bool:
        """Whether the documented cancel of it speaks for the source, and against what was read."""
        asked, said, gone = resource.status, look.said, look.view is View.GONE
        if _took(cancel):
            # Whoever calls it final and cancels it, is wrong somewhere, whatever it was.
            return gone or said not in _MAY[self._api]
        if not 400 <= cancel.status < 500 or cancel.status in (*_NO_WORD, *_UNKNOWN):
            return False
        if gone:
            return not self.is_stranger(resource, cancel)
        if asked in _MUST[self._api]:
            return False
        message = cancel.at("error.message")
        names = isinstance(message, str) and re.search(rf"\b{re.escape(asked)}\b", message) is not None
        return said in _MUST[self._api] or (names and asked not in _MAY[self._api])

    def _words(self, resource: Resource, look: Look, cancel: Reply | None) -> tuple[str, str]:
        wanted, source = resource.wanted, source_of(self._profile, resource.wanted)
        gave = f"{source} was asked for {wanted.described()}, and gave {line(repr(resource.id), 80)}"
        also = f", and its documented cancel is answered by {told(cancel)}" if cancel is not None else ""
        if look.view is View.GONE and look.reply is not None:
            return f"{gave}, but its owner's read of it is answered by {told(look.reply)}{also}", (
                f"Does it make {NOUNS[self._api]}s of this very target, environment and merchant "
                f"([credentials.{wanted.whose}])?"
            )
        where = "reading it says" if look.reply is not None else "says itself that its status is"
        hint = "Mend the source, or the list: what needs this state would be tested on another one."
        if self._api == "payout-intents" and wanted.status in self._final and look.said not in self._final:
            hint += f" If this target calls that state {line(look.said, 40)}, name it so in states.terminal."
        return f"{gave}, but {where} {line(repr(look.said), 60)}{also}", hint

    def _file(self, wanted: Wanted, kind: str) -> Path:
        mark = hashlib.sha256(f"{wanted.whose} {wanted.status}".encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / f"{mark[:32]}.{kind}"

    def _write(self, file: Path, text: str) -> None:
        """Whoever comes first has said it for all."""
        self._folder.mkdir(exist_ok=True)
        draft = self._folder / f"{uuid4()}.draft"
        draft.write_text(text)
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()


def _took(reply: Reply) -> bool:
    """Whether a cancel was accepted, however that is put."""
    return reply.ok and reply.at("success") is not False


def _spelled(status: str) -> str:
    """A status in one spelling: how it is spelt is for the checks to judge."""
    return re.sub(r"[^a-z0-9]", "", status.casefold()).replace("ll", "l")


def _blank(reply: Reply, resource_id: str) -> tuple[int, object, str]:
    return reply.status, reply.at("error.code"), same_but_ids(reply.text.replace(resource_id, "*"))
