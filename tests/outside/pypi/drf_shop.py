"""Both APIs on Django REST Framework over SQLite, with the form of refusals and the settings of the service.

Its serializers trim what they read, and instants are shown in the shop's own time zone, as Django does.
`drf_server.py` serves it.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
import uuid
from typing import Any

from django.db import IntegrityError, models, transaction
from django.http import Http404
from django.urls import path
from django.utils import timezone
from rest_framework import authentication, exceptions, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

ACCOUNTS = json.loads(os.environ["OUTSIDE_ACCOUNTS"])
TENANTS = {"primary": ("1", "test"), "other_merchant": ("2", "test"), "other_environment": ("1", "live")}
TEN_MINUTES = 600


class Withdraw(models.Model):
    """A withdraw."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    merchant = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    currency = models.CharField(max_length=3)
    reference_id = models.CharField(max_length=64)
    account_number = models.CharField(max_length=34)
    account_name = models.CharField(max_length=140)
    bank_code = models.CharField(max_length=11)
    description = models.TextField(null=True)
    metadata = models.JSONField(default=dict)
    paid_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "shop"


class PayoutIntent(models.Model):
    """A payout intent."""

    id = models.CharField(primary_key=True, max_length=40)
    merchant = models.CharField(max_length=20)
    environment = models.CharField(max_length=4)
    status = models.CharField(max_length=20)
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    country = models.CharField(max_length=2)
    merchant_reference = models.CharField(max_length=64)
    account_number = models.CharField(max_length=34)
    bank_code = models.CharField(max_length=11)
    holder_name = models.CharField(max_length=140)
    failure_code = models.CharField(max_length=40, null=True)
    failure_message = models.TextField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "shop"


class IdempotentRequest(models.Model):
    """The first use of an idempotency key, and its answer."""

    merchant = models.CharField(max_length=20)
    environment = models.CharField(max_length=4)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    answer = models.JSONField(null=True)

    class Meta:
        app_label = "shop"
        constraints = [models.UniqueConstraint("merchant", "environment", "key", name="one_use_of_a_key")]


class WithdrawSerializer(serializers.ModelSerializer):
    """A withdraw as the API shows it."""

    referenceId = serializers.CharField(source="reference_id")
    destinationType = serializers.ReadOnlyField(default="bank_account")
    bankAccountNumber = serializers.SerializerMethodField()
    bankAccountName = serializers.CharField(source="account_name")
    bankCode = serializers.CharField(source="bank_code")
    destinationId = serializers.ReadOnlyField(default=None)
    paidAt = serializers.DateTimeField(source="paid_at")
    canceledAt = serializers.DateTimeField(source="canceled_at")
    createdAt = serializers.DateTimeField(source="created_at")
    updatedAt = serializers.DateTimeField(source="updated_at")

    class Meta:
        model = Withdraw
        fields = (
            *("id", "amount", "currency", "status", "referenceId", "destinationType", "bankAccountNumber"),
            *("bankAccountName", "bankCode", "destinationId", "description", "metadata"),
            *("paidAt", "canceledAt", "createdAt", "updatedAt"),
        )

    def get_bankAccountNumber(self, withdraw: Withdraw) -> str:
        """The number, masked."""
        return "*" * 6 + withdraw.account_number[-4:]


class PayoutIntentSerializer(serializers.ModelSerializer):
    """A payout intent as the API shows it."""

    object = serializers.ReadOnlyField(default="payout_intent")
    amount = serializers.CharField()
    recipient = serializers.SerializerMethodField()

    class Meta:
        model = PayoutIntent
        exclude = ("merchant", "account_number", "bank_code", "holder_name")

    def get_recipient(self, intent: PayoutIntent) -> dict[str, str]:
        """Returns the recipient of the payout."""
        return {
            "type": "bank_account",
            "account_last4": intent.account_number[-4:],
            "bank_code": intent.bank_code,
            "holder_name": intent.holder_name,
        }


class CancelSerializer(serializers.Serializer):
    """The body of a cancel."""

    reason = serializers.CharField(max_length=512, required=False, allow_null=True, allow_blank=True)


class Tenant:
    """The caller, as `request.user`."""

    is_authenticated = True

    def __init__(self, name: str) -> None:
        self.merchant, self.environment = TENANTS[name]


class SignatureAuthentication(authentication.BaseAuthentication):
    """Signed requests of the withdraws API."""

    def authenticate(self, request: Request) -> tuple[Tenant, None]:
        """Returns the caller whose signature it is."""
        key, stamp = request.headers.get("X-API-Key", ""), request.headers.get("X-Timestamp", "")
        owner = next((name for name, one in ACCOUNTS.items() if key and one.get("api_key") == key), None)
        if owner is None:
            raise exceptions.AuthenticationFailed("Unknown API key.")
        try:
            if abs(time.time() - int(stamp) / 1000) > TEN_MINUTES:
                raise exceptions.AuthenticationFailed("The timestamp is out of the window.")
        except (ValueError, OverflowError) as error:
            raise exceptions.AuthenticationFailed("The timestamp is no number.") from error
        signed = f"{stamp}.".encode() + request._request.body
        good = hmac.new(ACCOUNTS[owner]["api_secret"].encode(), signed, hashlib.sha256).hexdigest()
        sent = request.headers.get("X-Signature", "")
        if not hmac.compare_digest(f"sha256={good}".encode(), sent.encode("utf-8", "surrogateescape")):
            raise exceptions.AuthenticationFailed("The signature is not right.")
        return Tenant(owner), None

    def authenticate_header(self, request: Request) -> str:
        """Returns the challenge of a 401."""
        return "HMAC-SHA256"


class KeyPairAuthentication(authentication.BasicAuthentication):
    """The key pairs of the payout intents API."""

    www_authenticate_realm = "Merchant API"

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[Tenant, None]:
        """Returns the caller whose key pair it is."""
        for name, one in ACCOUNTS.items():
            if one.get("public_key") == userid and hmac.compare_digest(
                one["secret_key"].encode(), password.encode()
            ):
                return Tenant(name), None
        raise exceptions.AuthenticationFailed("Invalid key pair.")


class Refused(APIException):
    """A refusal that the documents name."""

    def __init__(self, status_code: int, code: str, message: str) -> None:
        super().__init__(message, code)
        self.status_code = status_code


class WithdrawView(APIView):
    """The common part of both operations on a withdraw."""

    authentication_classes = (SignatureAuthentication,)

    def own(self) -> Withdraw:
        """The caller's withdraw."""
        try:
            return Withdraw.objects.get(pk=self.kwargs["pk"], merchant=self.request.user.merchant)
        except Withdraw.DoesNotExist as error:
            raise Refused(404, "RESOURCE_NOT_FOUND", "Withdraw not found") from error


class WithdrawDetail(WithdrawView):
    """`GET /api/v1/withdraws/{id}`."""

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Shows one."""
        return Response({"success": True, "data": WithdrawSerializer(self.own()).data})


class WithdrawCancel(WithdrawView):
    """`POST /api/v1/withdraws/{id}/cancel`."""

    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Cancels a pending one: what a bank works on can't be called back."""
        withdraw, at = self.own(), timezone.now()
        waiting = Withdraw.objects.filter(pk=pk, status="pending")
        if not waiting.update(status="canceled", canceled_at=at, updated_at=at):
            withdraw.refresh_from_db()
            message = f"Withdraw cannot be cancelled in status {withdraw.status}"
            raise Refused(400, "VALIDATION_ERROR", message)
        withdraw.refresh_from_db()
        return Response({"success": True, "data": WithdrawSerializer(withdraw).data})


class IntentView(APIView):
    """The common part of both operations on a payout intent."""

    authentication_classes = (KeyPairAuthentication,)
    permission_classes = (IsAuthenticated,)

    def own(self) -> PayoutIntent:
        """The caller's intent."""
        who = self.request.user
        mine = PayoutIntent.objects.filter(merchant=who.merchant, environment=who.environment)
        try:
            return mine.get(pk=self.kwargs["pk"])
        except PayoutIntent.DoesNotExist as error:
            raise Refused(404, "not_found", "Payout intent not found") from error


class IntentDetail(IntentView):
    """`GET /payout_intents/{id}`."""

    def get(self, request: Request, pk: str) -> Response:
        """Shows one."""
        return Response(PayoutIntentSerializer(self.own()).data)


class IntentCancel(IntentView):
    """`POST /payout_intents/{id}/cancel`."""

    def post(self, request: Request, pk: str) -> Response:
        """Cancels, once for each key; a refusal leaves the key unused."""
        intent = self.own()
        body = CancelSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data.get("reason")
        key = request.headers.get("Idempotency-Key")
        if not key:
            return Response(self.cancelled(intent, reason), status.HTTP_202_ACCEPTED)
        fingerprint = hashlib.sha256(json.dumps([pk, reason]).encode()).hexdigest()
        place = {"merchant": request.user.merchant, "environment": request.user.environment, "key": key}
        try:
            with transaction.atomic():
                use = IdempotentRequest.objects.create(**place, fingerprint=fingerprint)
                use.answer = self.cancelled(intent, reason)
                use.save()
                return Response(use.answer, status.HTTP_202_ACCEPTED)
        except IntegrityError:
            use = IdempotentRequest.objects.get(**place)
        if use.fingerprint != fingerprint:
            raise Refused(409, "idempotency_conflict", "This key was used for another request")
        return Response(use.answer, status.HTTP_202_ACCEPTED)

    def cancelled(self, intent: PayoutIntent, reason: str | None) -> dict[str, Any]:
        """The intent as cancelled, if it still could be."""
        changes = {"status": "cancelled", "failure_code": "cancelled", "failure_message": reason}
        waiting = PayoutIntent.objects.filter(pk=intent.pk, status="requires_approval")
        changed = waiting.update(**changes, updated_at=timezone.now())
        intent.refresh_from_db()
        if not changed:
            message = f"Payout intent is {intent.status}, not requires_approval"
            raise Refused(422, "approval_required", message)
        return PayoutIntentSerializer(intent).data


def refusal(error: Exception, context: dict[str, Any]) -> Response | None:
    """Renders every refusal in the envelope of its API, as an exception handler of the framework."""
    response = exception_handler(error, context)
    if response is None:
        return None
    told = {"code": "not_found", "message": "Not found"}
    if isinstance(error, exceptions.ValidationError):
        told = {"code": "invalid_request", "message": "Invalid input", "details": response.data}
    elif isinstance(error, APIException) and not isinstance(error, Http404):
        told = {"code": error.get_codes(), "message": str(error.detail)}
    envelope = {"success": False} if isinstance(context["view"], WithdrawView) else {}
    response.data = {**envelope, "error": told}
    return response


class StateView(APIView):
    """`POST /_states`."""

    authentication_classes = ()

    def post(self, request: Request) -> Response:
        """Makes a resource, and tells what the API would show of it."""
        params = request.data.get("params") or {}
        if request.data.get("action") != "setup":
            return Response({})
        other = params.get("environment") == "other"
        merchant, environment = TENANTS["other_environment" if other else params.get("owner", "primary")]
        name, number = params["status"], str(secrets.randbelow(9 * 10**9) + 10**9)
        own = {"merchant": merchant, "status": name, "account_number": number}
        if params["contract"] == "withdraws":
            if name not in {"pending", "processing", "paid", "failed", "canceled"}:
                return Response({}, 422)
            withdraw = Withdraw.objects.create(
                **own,
                amount="310.40",
                currency="THB",
                reference_id=f"w{number[:6]}",
                account_name="Malee Suk",
                bank_code="006",
                description="Refund",
                metadata={"batch": 7, "tags": ["a", "b"]},
                paid_at=timezone.now() if name == "paid" else None,
                canceled_at=timezone.now() if name == "canceled" else None,
            )
            return Response(WithdrawSerializer(Withdraw.objects.get(pk=withdraw.pk)).data)
        if name not in {"requires_approval", "processing", "cancelled", "paid", "failed"}:
            return Response({}, 422)
        intent = PayoutIntent.objects.create(
            **own,
            id=f"po_{secrets.token_hex(12)}",
            environment=environment,
            amount=80500,
            currency="PHP",
            country="PH",
            merchant_reference=f"p{number[:6]}",
            bank_code="BOPIPHMM",
            holder_name="Jose Cruz",
            failure_code={"cancelled": "cancelled", "failed": "account_closed"}.get(name),
        )
        return Response(PayoutIntentSerializer(PayoutIntent.objects.get(pk=intent.pk)).data)


urlpatterns = [
    path("api/v1/withdraws/<uuid:pk>", WithdrawDetail.as_view()),
    path("api/v1/withdraws/<uuid:pk>/cancel", WithdrawCancel.as_view()),
    path("payout_intents/<str:pk>", IntentDetail.as_view()),
    path("payout_intents/<str:pk>/cancel", IntentCancel.as_view()),
    path("_states", StateView.as_view()),
]
