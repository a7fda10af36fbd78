"""Payout intents that keep or measure the reason wrongly."""

import html
import json
import re
import unicodedata
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import REASON_LIMIT, PayoutIntents

Body = dict[str, Any]

# What becomes of it


@defect("pi-reason-is-dropped", "PI-22")
class ReasonIsDropped(PayoutIntents):
    """The reason is accepted and never kept: failure_message is null."""

    def message_for(self, reason: str | None) -> str | None:
        return None


@defect("pi-reason-is-not-persisted", "PI-22", "PI-06")
class ReasonIsNotPersisted(PayoutIntents):
    """The 202 echoes the reason, and reading shows none."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, None)
        self.echoed = self.message_for(reason)

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent) | {"failure_message": self.echoed})


@defect("pi-reason-is-not-echoed", "PI-22")
class ReasonIsNotEchoed(PayoutIntents):
    """The reason is persisted, and the 202 says null."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent) | {"failure_message": None})


@defect("pi-reason-is-in-another-field", "PI-22")
class ReasonIsInAnotherField(PayoutIntents):
    """The reason is shown as reason; failure_message is a sentence of the platform's."""

    def shown(self, intent: Intent) -> dict[str, Any]:
        shown = super().shown(intent)
        if intent.status != "cancelled":
            return shown
        return shown | {"reason": intent.failure_message, "failure_message": "Cancelled by the merchant."}


@defect("pi-reason-has-a-prefix", "PI-22")
class ReasonHasAPrefix(PayoutIntents):
    """failure_message is a sentence with the reason inside."""

    def stored(self, reason: str) -> str:
        return f"Cancelled by merchant: {reason}"


@defect("pi-reason-is-lower-case", "PI-22", "PI-27")
class ReasonIsLowerCase(PayoutIntents):
    """The reason is made lower case, as if it were a code."""

    def stored(self, reason: str) -> str:
        return reason.lower()


@defect("pi-reason-0-is-none", "PI-27")
class Reason0IsNone(PayoutIntents):
    """Whether there is a reason is asked as PHP does, for which "0" is empty."""

    def message_for(self, reason: str | None) -> str | None:
        return super().message_for(None if reason == "0" else reason)


@defect("pi-reason-is-trimmed", "PI-27", warns=True)
class ReasonIsTrimmed(PayoutIntents):
    """Outer white space is cut off."""

    def stored(self, reason: str) -> str:
        return reason.strip()


@defect("pi-reason-is-escaped", "PI-27")
class ReasonIsEscaped(PayoutIntents):
    """The reason is escaped for HTML before it is kept."""

    def stored(self, reason: str) -> str:
        return html.escape(reason)


@defect("pi-reason-is-unescaped", "PI-27")
class ReasonIsUnescaped(PayoutIntents):
    """Entities are resolved: &amp; comes back as &."""

    def stored(self, reason: str) -> str:
        return html.unescape(reason)


@defect("pi-reason-loses-its-tags", "PI-27")
class ReasonLosesItsTags(PayoutIntents):
    """A sanitiser removes what looks like a tag."""

    def stored(self, reason: str) -> str:
        return re.sub(r"<[^>]*>", "", reason)


@defect("pi-reason-is-one-line", "PI-27")
class ReasonIsOneLine(PayoutIntents):
    """Line breaks become spaces."""

    def stored(self, reason: str) -> str:
        return re.sub(r"[\r\n]+", " ", reason)


@defect("pi-reason-loses-its-quotes", "PI-27")
class ReasonLosesItsQuotes(PayoutIntents):
    """Quotes are doubled for a query that doubles them itself."""

    def stored(self, reason: str) -> str:
        return reason.replace("'", "''").replace('"', '\\"')


@defect("pi-reason-loses-emoji", "PI-27")
class ReasonLosesEmoji(PayoutIntents):
    """The column holds three bytes per character: emoji become question marks."""

    def stored(self, reason: str) -> str:
        return "".join("?" if letter > "\uffff" else letter for letter in reason)


@defect("pi-reason-is-latin", "PI-27")
class ReasonIsLatin(PayoutIntents):
    """The column holds Latin-1: text in another script becomes question marks."""

    def stored(self, reason: str) -> str:
        return reason.encode("latin-1", "replace").decode("latin-1")


@defect("pi-reason-is-mojibake", "PI-27")
class ReasonIsMojibake(PayoutIntents):
    """UTF-8 is read as Latin-1 on the way to the database."""

    def stored(self, reason: str) -> str:
        return reason.encode().decode("latin-1")


@defect("pi-reason-is-normalised", "PI-27")
class ReasonIsNormalised(PayoutIntents):
    """The reason is normalised (NFKC), so it comes back as other characters."""

    def stored(self, reason: str) -> str:
        return unicodedata.normalize("NFKC", reason)


# Whether there is one


@defect("pi-reason-is-required", "PI-23")
class ReasonIsRequired(PayoutIntents):
    """A cancel without a reason is refused."""

    def reason_of(self, body: Body) -> str | None:
        if body.get("reason") is None:
            raise self.bad_request("A reason is required.")
        return super().reason_of(body)


@defect("pi-no-reason-is-undefined", "PI-23")
class NoReasonIsUndefined(PayoutIntents):
    """Without a reason, failure_message is an empty object."""

    def shown(self, intent: Intent) -> dict[str, Any]:
        shown = super().shown(intent)
        none = intent.status == "cancelled" and intent.failure_message is None
        return shown | {"failure_message": {}} if none else shown


@defect("pi-no-reason-is-500", "PI-23")
class NoReasonIs500(PayoutIntents):
    """A cancel without a reason ends in a 500."""

    def reason_of(self, body: Body) -> str | None:
        return super().reason_of({"reason": body["reason"]})


@defect("pi-no-reason-is-the-last-one", "PI-23")
class NoReasonIsTheLastOne(PayoutIntents):
    """Without a reason, failure_message is that of the request before: a default argument that is shared."""

    last: str | None = None

    def message_for(self, reason: str | None) -> str | None:
        self.last = reason or self.last
        return self.last


# Length


@defect("pi-511-is-the-limit", "PI-24")
class LimitIs511(PayoutIntents):
    """512 characters are refused: less than, instead of at most."""

    def length(self, reason: str) -> int:
        return len(reason) + 1


@defect("pi-255-is-the-limit", "PI-24")
class LimitIs255(PayoutIntents):
    """The column holds 255 characters, and so many are accepted."""

    def length(self, reason: str) -> int:
        return len(reason) + REASON_LIMIT - 255


@defect("pi-reason-is-cut-at-255", "PI-24")
class ReasonIsCutAt255(PayoutIntents):
    """A reason of up to 512 characters is accepted, and cut at 255."""

    def stored(self, reason: str) -> str:
        return reason[:255]


@defect("pi-513-is-accepted", "PI-25")
class LimitIs513(PayoutIntents):
    """513 characters are accepted: off by one."""

    def length(self, reason: str) -> int:
        return len(reason) - 1


@defect("pi-reason-is-unlimited", "PI-25")
class ReasonIsUnlimited(PayoutIntents):
    """There is no limit."""

    def length(self, reason: str) -> int:
        return 0


@defect("pi-reason-is-cut-silently", "PI-25")
class ReasonIsCutSilently(PayoutIntents):
    """What is longer than 512 characters is cut without a word."""

    def length(self, reason: str) -> int:
        return 0

    def stored(self, reason: str) -> str:
        return reason[:REASON_LIMIT]


@defect("pi-long-reason-is-500", "PI-25")
class LongReasonIs500(PayoutIntents):
    """A reason that is too long ends in a 500 from the database."""

    def length(self, reason: str) -> int:
        if len(reason) > REASON_LIMIT:
            raise ValueError("value too long for type character varying(512)")
        return len(reason)


@defect("pi-long-reason-is-refused-yet-cancelled", "PI-25")
class LongReasonIsRefusedYetCancelled(PayoutIntents):
    """A reason that is too long is refused after the intent has been cancelled."""

    def length(self, reason: str) -> int:
        return 0

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        if reason and len(reason) > REASON_LIMIT:
            raise self.bad_reason("The reason is too long.")


@defect("pi-length-is-in-bytes", "PI-26")
class LengthIsInBytes(PayoutIntents):
    """The limit counts bytes, so a language other than English has less room."""

    def length(self, reason: str) -> int:
        return len(reason.encode())


@defect("pi-length-is-as-escaped", "PI-26")
class LengthIsAsEscaped(PayoutIntents):
    """The limit counts the JSON text with escapes, six characters for each beyond ASCII."""

    def length(self, reason: str) -> int:
        return len(json.dumps(reason)) - 2


@defect("pi-reason-is-parsed", "PI-27")
class ReasonIsParsed(PayoutIntents):
    """The reason is kept in a column of JSON: what can be read as a value is written as this database does."""

    def stored(self, reason: str) -> str:
        try:
            return json.dumps(json.loads(reason))
        except ValueError:
            return reason
