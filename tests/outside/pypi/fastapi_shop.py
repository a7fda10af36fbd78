"""Both APIs on FastAPI, Pydantic and uvicorn, held in memory.

Its defaults are kept: errors of validation have the framework's form, and what has no value is left out of answers.
`OUTSIDE_ACCOUNTS` holds the credentials as JSON; the address is printed on standard output.
"""

import hashlib
import hmac
import json
import os
import secrets
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, status
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

ACCOUNTS = json.loads(os.environ["OUTSIDE_ACCOUNTS"])
TENANTS = {
    "primary": ("acme", "test"),
    "other_merchant": ("globex", "test"),
    "other_environment": ("acme", "live"),
}
WINDOW = 5 * 60 * 1000
Tenant = tuple[str, str]


class ApiError(Exception):
    """A refusal that the documents know, in the form of its API."""

    def __init__(self, code: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.code, self.body, self.headers = code, body, headers


# Withdraws


class Withdraw(BaseModel):
    """A withdraw as the API shows it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: UUID
    amount: Decimal
    currency: str
    status: Literal["pending", "processing", "paid", "failed", "canceled"]
    reference_id: str
    destination_type: str = "bank_account"
    bank_account_number: str
    bank_account_name: str
    bank_code: str
    destination_id: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}
    paid_at: datetime | None = None
    canceled_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class WithdrawRecord(BaseModel):
    """A withdraw and what isn't shown of it."""

    tenant: Tenant
    provider_supports_cancel: bool
    shown: Withdraw


class WithdrawAnswer(BaseModel):
    """The envelope of this API's answers."""

    success: Literal[True] = True
    data: Withdraw


withdraws = APIRouter(prefix="/api/v1/withdraws", tags=["Withdraws"])
withdraw_records: dict[UUID, WithdrawRecord] = {}
lock = threading.Lock()


def withdraw_error(code: int, name: str, message: str) -> ApiError:
    """A refusal of this API."""
    return ApiError(code, {"success": False, "error": {"code": name, "message": message}})


async def integration(
    request: Request,
    x_api_key: Annotated[str, Header()] = "",
    x_timestamp: Annotated[str, Header()] = "",
    x_signature: Annotated[str, Header()] = "",
) -> Tenant:
    """The caller whose signature it is."""
    refused = withdraw_error(status.HTTP_401_UNAUTHORIZED, "UNAUTHORIZED", "Invalid API key or signature")
    owner = next((name for name, one in ACCOUNTS.items() if one.get("api_key") == x_api_key), None)
    if owner is None or not x_timestamp.isdecimal() or not x_timestamp.isascii():
        raise refused
    signed = x_timestamp.encode() + b"." + await request.body()
    expected = (
        "sha256=" + hmac.new(ACCOUNTS[owner]["api_secret"].encode(), signed, hashlib.sha256).hexdigest()
    )
    if not hmac.compare_digest(expected.encode(), x_signature.encode()):
        raise refused
    if abs(time.time() * 1000 - float(x_timestamp[:20])) > WINDOW:
        raise withdraw_error(status.HTTP_401_UNAUTHORIZED, "UNAUTHORIZED", "The timestamp is too old")
    return TENANTS[owner]


def own_withdraw(withdraw_id: UUID, tenant: Annotated[Tenant, Depends(integration)]) -> WithdrawRecord:
    """The caller's withdraw."""
    record = withdraw_records.get(withdraw_id)
    if record is None or record.tenant != tenant:
        raise withdraw_error(404, "RESOURCE_NOT_FOUND", "Withdraw not found")
    return record


@withdraws.get("/{withdraw_id}", response_model_exclude_none=True)
def read_withdraw(record: Annotated[WithdrawRecord, Depends(own_withdraw)]) -> WithdrawAnswer:
    """Shows one."""
    return WithdrawAnswer(data=record.shown)


@withdraws.post("/{withdraw_id}/cancel", response_model_exclude_none=True)
def cancel_withdraw(record: Annotated[WithdrawRecord, Depends(own_withdraw)]) -> WithdrawAnswer:
    """Cancels what can be cancelled."""
    with lock:
        found = record.shown
        if found.status == "processing" and not record.provider_supports_cancel:
            raise withdraw_error(400, "VALIDATION_ERROR", "The provider can't cancel a processing withdraw")
        if found.status not in {"pending", "processing"}:
            raise withdraw_error(400, "VALIDATION_ERROR", f"Withdraw is already {found.status}")
        at = datetime.now(UTC)
        changes = {"status": "canceled", "canceled_at": at, "updated_at": at}
        record.shown = found.model_copy(update=changes)
    return WithdrawAnswer(data=record.shown)


# Payout intents


class Recipient(BaseModel):
    """The recipient of a payout."""

    type: str = "bank_account"
    account_last4: str
    bank_code: str
    holder_name: str


class PayoutIntent(BaseModel):
    """A payout intent as the API shows it."""

    object: Literal["payout_intent"] = "payout_intent"
    id: str
    amount: str
    currency: str
    country: str
    environment: str
    status: Literal["requires_approval", "processing", "cancelled", "completed", "failed"]
    merchant_reference: str | None = None
    recipient: Recipient
    failure_code: str | None = None
    failure_message: str | None = None
    created_at: datetime
    updated_at: datetime


class IntentRecord(BaseModel):
    """A payout intent and whose it is."""

    tenant: Tenant
    shown: PayoutIntent


class CancelRequest(BaseModel):
    """The body of a cancel."""

    reason: str | None = Field(default=None, max_length=512)


intents = APIRouter(prefix="/payout_intents", tags=["Payout intents"])
intent_records: dict[str, IntentRecord] = {}
kept: dict[tuple[Tenant, str], tuple[str, str | None, PayoutIntent]] = {}


def intent_error(code: int, name: str, message: str, headers: dict[str, str] | None = None) -> ApiError:
    """A refusal of this API."""
    return ApiError(code, {"error": {"code": name, "message": message}}, headers)


def merchant(sent: Annotated[HTTPBasicCredentials, Depends(HTTPBasic(realm="Merchant API"))]) -> Tenant:
    """The merchant whose key pair it is."""
    for name, account in ACCOUNTS.items():
        known = secrets.compare_digest(account.get("public_key", "").encode(), sent.username.encode())
        right = secrets.compare_digest(account.get("secret_key", "").encode(), sent.password.encode())
        if known and right and sent.username:
            return TENANTS[name]
    headers = {"WWW-Authenticate": 'Basic realm="Merchant API"'}
    raise intent_error(401, "unauthorized", "Invalid API keys", headers)


def own_intent(intent_id: str, tenant: Annotated[Tenant, Depends(merchant)]) -> IntentRecord:
    """The caller's intent."""
    record = intent_records.get(intent_id)
    if record is None or record.tenant != tenant:
        raise intent_error(404, "not_found", "Payout intent not found")
    return record


@intents.get("/{intent_id}", response_model_exclude_none=True)
def read_intent(record: Annotated[IntentRecord, Depends(own_intent)]) -> PayoutIntent:
    """Shows one."""
    return record.shown


@intents.post("/{intent_id}/cancel", status_code=202, response_model_exclude_none=True)
def cancel_intent(
    record: Annotated[IntentRecord, Depends(own_intent)],
    body: CancelRequest | None = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> PayoutIntent:
    """Cancels, once for each key."""
    reason = body.reason if body else None
    with lock:
        place = (record.tenant, idempotency_key or "")
        if idempotency_key and place in kept:
            first_id, first_reason, answer = kept[place]
            if (first_id, first_reason) != (record.shown.id, reason):
                raise intent_error(409, "idempotency_conflict", "The key was used with another request")
            return answer
        found = record.shown
        if found.status != "requires_approval":
            message = f"The intent is {found.status}: only requires_approval intents can be cancelled"
            raise intent_error(422, "approval_required", message)
        changes = {"status": "cancelled", "failure_code": "cancelled", "failure_message": reason}
        record.shown = found.model_copy(update={**changes, "updated_at": datetime.now(UTC)})
        if idempotency_key:
            kept[place] = (found.id, reason, record.shown)
        return record.shown


# Provider states


class StateRequest(BaseModel):
    """A request for a provider state."""

    action: Literal["setup", "teardown", "settle"]
    id: str = ""
    params: dict[str, Any] = {}


states = APIRouter()


@states.post("/_states")
def state(asked: StateRequest) -> dict[str, Any]:
    """Makes a resource, or tries to pay one."""
    if asked.action == "setup":
        other = asked.params.get("environment") == "other"
        tenant = TENANTS["other_environment" if other else asked.params.get("owner", "primary")]
        make = {"withdraws": new_withdraw, "payout-intents": new_intent}[asked.params["contract"]]
        try:
            return make(tenant, asked.params)
        except ValueError as error:
            raise HTTPException(422, "no such state") from error
    if asked.action == "settle":
        settle(asked.id or asked.params.get("id", ""))
    return {}


def settle(wanted: str) -> None:
    """Pays what is still to be paid."""
    with lock:
        at = datetime.now(UTC)
        if wanted in intent_records:
            intent = intent_records[wanted]
            if intent.shown.status in {"requires_approval", "processing"}:
                changes = {"status": "completed", "updated_at": at}
                intent.shown = intent.shown.model_copy(update=changes)
            return
        withdraw = withdraw_records[UUID(wanted)]
        if withdraw.shown.status in {"pending", "processing"}:
            changes = {"status": "paid", "paid_at": at, "updated_at": at}
            withdraw.shown = withdraw.shown.model_copy(update=changes)


def new_withdraw(tenant: Tenant, params: dict[str, Any]) -> dict[str, Any]:
    """A withdraw in a state, and all that there is to know of it."""
    at, number = datetime.now(UTC), str(10**11 + secrets.randbelow(9 * 10**11))
    shown = Withdraw(
        id=uuid4(),
        amount=Decimal("2400.00"),
        currency="THB",
        status=params["status"],
        reference_id=f"order-{number[:5]}",
        bank_account_number=f"******{number[-4:]}",
        bank_account_name="Nok Saetang",
        bank_code="002",
        metadata={"order": 5512, "express": False},
        paid_at=at if params["status"] == "paid" else None,
        canceled_at=at if params["status"] == "canceled" else None,
        created_at=at,
        updated_at=at,
    )
    supports = params.get("provider_supports_cancel", True)
    withdraw_records[shown.id] = WithdrawRecord(tenant=tenant, provider_supports_cancel=supports, shown=shown)
    told = shown.model_dump(mode="json", by_alias=True, exclude_none=True)
    return told | {"bankAccountNumber": number, "provider_supports_cancel": supports}


def new_intent(tenant: Tenant, params: dict[str, Any]) -> dict[str, Any]:
    """A payout intent in a state, as it is shown."""
    at, name = datetime.now(UTC), params["status"]
    why = {"cancelled": ("cancelled", "no longer needed"), "failed": ("rejected_by_bank", "Unknown account")}
    code, message = why.get(name, (None, None))
    shown = PayoutIntent(
        id=f"pi_{secrets.token_urlsafe(16)}",
        amount="99000",
        currency="IDR",
        country="ID",
        environment=tenant[1],
        status=name,
        merchant_reference=f"inv-{secrets.randbelow(10**6)}" if name != "processing" else None,
        recipient=Recipient(account_last4="3310", bank_code="BMRIIDJA", holder_name="Putri Wulandari"),
        failure_code=code,
        failure_message=message,
        created_at=at,
        updated_at=at,
    )
    intent_records[shown.id] = IntentRecord(tenant=tenant, shown=shown)
    return shown.model_dump(mode="json", exclude_none=True)


app = FastAPI(title="Payouts")
for router in (withdraws, intents, states):
    app.include_router(router)


@app.exception_handler(ApiError)
async def refuse(_: Request, error: ApiError) -> JSONResponse:
    """Answers with the refusal."""
    return JSONResponse(error.body, error.code, error.headers)


def main() -> None:
    """Serves until it is ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
