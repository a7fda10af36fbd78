"""Payout intents that show a cancelled intent wrongly."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from conformance.sandbox.defects import defect
from conformance.sandbox.messages import Request, Response
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

Shown = dict[str, Any]

# Status and envelope


@defect("pi-success-is-200", "PI-01")
class SuccessIs200(PayoutIntents):
    """A cancel answers 200."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(200, self.shown(intent))


@defect("pi-success-is-204", "PI-01", "PI-15")
class SuccessIs204(PayoutIntents):
    """A cancel answers 204, with nothing to show."""

    def accepted(self, intent: Intent) -> Response:
        return Response(204, b"")


@defect("pi-success-is-wrapped", "PI-01", "PI-15")
class SuccessIsWrapped(PayoutIntents):
    """The intent is wrapped in data."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, {"data": self.shown(intent)})


@defect("pi-answers-before-writing", "PI-01", "PI-16")
class AnswersBeforeWriting(PayoutIntents):
    """The 202 shows the intent as it was: still awaiting approval."""

    def write(self, intent: Intent, reason: str | None) -> None:
        self.before = self.shown(intent)
        super().write(intent, reason)

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.before)


@defect("pi-status-is-cancelling", "PI-01")
class StatusIsCancelling(PayoutIntents):
    """The 202 shows an intermediate status, cancelling."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent) | {"status": "cancelling"})


@defect("pi-status-has-one-l", "PI-01")
class StatusHasOneL(PayoutIntents):
    """The status is spelt canceled."""

    def shown(self, intent: Intent) -> Shown:
        shown = super().shown(intent)
        return shown | {"status": "canceled"} if intent.status == "cancelled" else shown


@defect("pi-failure-code-has-one-l", "PI-16")
class FailureCodeHasOneL(PayoutIntents):
    """failure_code is spelt canceled."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.failure_code = "canceled"


@defect("pi-failure-code-is-null", "PI-16", "PI-06")
class FailureCodeIsNull(PayoutIntents):
    """failure_code is null: a cancel is no failure."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.failure_code = None


@defect("pi-failure-code-needs-a-reason", "PI-16")
class FailureCodeNeedsAReason(PayoutIntents):
    """failure_code and failure_message are set together, and only where there is a reason."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        if not reason:
            intent.failure_code = None


@defect("pi-failure-code-is-the-reason", "PI-16")
class FailureCodeIsTheReason(PayoutIntents):
    """The reason is written to failure_code, too."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.failure_code = reason or "cancelled"


# Keys


@defect("pi-object-is-another", "PI-15")
class ObjectIsAnother(PayoutIntents):
    """object is payout."""

    def shown(self, intent: Intent) -> Shown:
        return super().shown(intent) | {"object": "payout"}


@defect("pi-id-is-another", "PI-15")
class IdIsAnother(PayoutIntents):
    """id is the cancellation's."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent) | {"id": "canc" + intent.id[4:]})


@defect("pi-nulls-are-left-out", "PI-15", warns=True)
class NullsAreLeftOut(PayoutIntents):
    """The serialiser leaves out what is null: failure_message is missing where there is no reason."""

    def shown(self, intent: Intent) -> Shown:
        return {key: value for key, value in super().shown(intent).items() if value is not None}


@defect("pi-merchant-reference-is-missing", "PI-15")
class MerchantReferenceIsMissing(PayoutIntents):
    """The 202 has no merchant_reference."""

    def accepted(self, intent: Intent) -> Response:
        shown = self.shown(intent)
        del shown["merchant_reference"]
        return self.reply(202, shown)


@defect("pi-keys-are-camel-case", "PI-15")
class KeysAreCamelCase(PayoutIntents):
    """The keys are spelt failureCode, merchantReference and so on."""

    def shown(self, intent: Intent) -> Shown:
        camel = {name: name.title().replace("_", "") for name in super().shown(intent)}
        return {camel[key][0].lower() + camel[key][1:]: value for key, value in super().shown(intent).items()}


# Money and place


@defect("pi-amount-is-a-number", "PI-17")
class AmountIsANumber(PayoutIntents):
    """amount is a JSON number."""

    def shown(self, intent: Intent) -> Shown:
        return super().shown(intent) | {"amount": int(intent.amount)}


@defect("pi-amount-has-decimals", "PI-17", "PI-21")
class AmountHasDecimals(PayoutIntents):
    """amount is in major units, with a decimal point."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent) | {"amount": f"{int(intent.amount) / 100:.2f}"})


@defect("pi-amount-is-zeroed", "PI-21")
class AmountIsZeroed(PayoutIntents):
    """Cancelling sets the amount to 0."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.amount = "0"


@defect("pi-currency-is-lower-case", "PI-17")
class CurrencyIsLowerCase(PayoutIntents):
    """currency is in lower case."""

    def shown(self, intent: Intent) -> Shown:
        return super().shown(intent) | {"currency": intent.currency.lower()}


@defect("pi-country-has-three-letters", "PI-17")
class CountryHasThreeLetters(PayoutIntents):
    """country is the code with three letters (ISO 3166-1 alpha-3)."""

    def shown(self, intent: Intent) -> Shown:
        three = {"MY": "MYS", "TH": "THA", "SG": "SGP", "ID": "IDN", "JP": "JPN"}
        return super().shown(intent) | {"country": three[intent.country]}


@defect("pi-currency-is-the-countrys-default", "PI-21")
class CurrencyIsTheDefault(PayoutIntents):
    """The 202 shows the account's currency instead of the payout's."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent) | {"currency": "USD"})


@defect("pi-country-is-lost", "PI-21")
class CountryIsLost(PayoutIntents):
    """Cancelling resets the country to the platform's."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.country = "GB"


@defect("pi-environment-is-production", "PI-18")
class EnvironmentIsProduction(PayoutIntents):
    """environment is the name of the deployment, production, in both."""

    def shown(self, intent: Intent) -> Shown:
        return super().shown(intent) | {"environment": "production"}


@defect("pi-environment-is-always-live", "PI-18")
class EnvironmentIsAlwaysLive(PayoutIntents):
    """The 202 says live, whatever the credentials."""

    def accepted(self, intent: Intent) -> Response:
        return self.reply(202, self.shown(intent) | {"environment": "live"})


# Instants


@defect("pi-updated-at-stands-still", "PI-20", warns=True)
class UpdatedAtStandsStill(PayoutIntents):
    """Cancelling doesn't move updated_at."""

    def write(self, intent: Intent, reason: str | None) -> None:
        before = intent.updated_at
        super().write(intent, reason)
        intent.updated_at = before


@defect("pi-created-at-moves", "PI-21")
class CreatedAtMoves(PayoutIntents):
    """The row is replaced, and created_at is the time of cancelling."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.created_at = intent.updated_at


@defect("pi-instants-are-numbers", "PI-20")
class InstantsAreNumbers(PayoutIntents):
    """created_at and updated_at are numbers of seconds."""

    def shown(self, intent: Intent) -> Shown:
        seconds = {
            "created_at": int(intent.created_at.timestamp()),
            "updated_at": int(intent.updated_at.timestamp()),
        }
        return super().shown(intent) | seconds


@defect("pi-updated-at-is-local", "PI-20")
class UpdatedAtIsLocal(PayoutIntents):
    """updated_at is a local time without a zone."""

    def shown(self, intent: Intent) -> Shown:
        local = (intent.updated_at + timedelta(hours=8)).strftime("%d/%m/%Y %H:%M:%S")
        return super().shown(intent) | {"updated_at": local}


@defect("pi-read-may-be-cached", "PI-06", warns=True)
class ReadMayBeCached(PayoutIntents):
    """GET is labelled as every page of the site is: caches may repeat it for ten minutes."""

    async def read(self, request: Request, given: str) -> Response:
        reply = await super().read(request, given)
        return replace(reply, headers=(*reply.headers, ("cache-control", "public, max-age=600")))


@defect("pi-read-shows-live", "PI-18")
class ReadShowsLive(PayoutIntents):
    """Reading shows every intent as one of the live environment."""

    async def read(self, request: Request, given: str) -> Response:
        shown = self.shown(self.find(self.authenticate_read(request), given))
        return self.reply(200, shown | {"environment": "live"})


@defect("pi-read-has-local-times", "PI-20")
class ReadHasLocalTimes(PayoutIntents):
    """Reading shows times without a zone: they come from the database as they are."""

    async def read(self, request: Request, given: str) -> Response:
        shown = self.shown(self.find(self.authenticate_read(request), given))
        return self.reply(200, shown | {key: shown[key][:19] for key in ("created_at", "updated_at")})


@defect("pi-local-time-is-called-utc", "PI-20", warns=True)
class LocalTimeIsCalledUtc(PayoutIntents):
    """The time of the cancel is that of the office, eight hours ahead, with a Z behind it."""

    def write(self, intent: Intent, reason: str | None) -> None:
        super().write(intent, reason)
        intent.updated_at += timedelta(hours=8)
