// Both APIs on hapi, Joi and @hapi/basic, held in memory. Joi trims the reason, hapi's own refusals stay Boom's.
// OUTSIDE_ACCOUNTS holds the credentials as JSON; the address is printed on standard output.
import { createHmac, randomInt, randomUUID, timingSafeEqual } from "node:crypto";
import * as Basic from "@hapi/basic";
import Hapi from "@hapi/hapi";
import Joi from "joi";

const ACCOUNTS = JSON.parse(process.env.OUTSIDE_ACCOUNTS);
const TENANTS = { primary: "m1:test", other_merchant: "m2:test", other_environment: "m1:live" };
const FRESH_MS = 5 * 60 * 1000;

const withdraws = new Map();
const intents = new Map();
const idempotency = new Map();

const now = () => new Date().toISOString();
const equal = (a, b) => a.length === b.length && timingSafeEqual(a, b);

const server = Hapi.server({ host: "127.0.0.1", port: 0 });
await server.register(Basic);

// Withdraws

const refuseWithdraw = (h, status, code, message) => h.response({ success: false, error: { code, message } }).code(status);

server.auth.scheme("hmac", () => ({
  authenticate(request, h) {
    const { "x-api-key": key, "x-timestamp": timestamp } = request.headers;
    const name = Object.keys(TENANTS).find((each) => key && ACCOUNTS[each]?.api_key === key);
    if (!name || !(Math.abs(Date.now() - Number(timestamp)) <= FRESH_MS)) {
      return refuseWithdraw(h, 401, "UNAUTHORIZED", "Unknown key or stale timestamp").takeover();
    }
    return h.authenticated({ credentials: { tenant: TENANTS[name], secret: ACCOUNTS[name].api_secret } });
  },
  payload(request, h) {
    const { "x-timestamp": timestamp, "x-signature": signature = "" } = request.headers;
    const hmac = createHmac("sha256", request.auth.credentials.secret).update(`${timestamp}.`);
    const expected = `sha256=${hmac.update(request.payload ?? "").digest("hex")}`;
    if (equal(Buffer.from(expected), Buffer.from(signature))) return h.continue;
    return refuseWithdraw(h, 401, "UNAUTHORIZED", "Invalid signature").takeover();
  },
  options: { payload: true },
}));
server.auth.strategy("integration", "hmac");

const showWithdraw = ({ tenant, providerSupportsCancel, accountNumber, ...shown }) => ({
  ...shown,
  bankAccountNumber: `${accountNumber.slice(0, 2)}******${accountNumber.slice(-3)}`,
});

server.route({
  method: "POST",
  path: "/api/v1/withdraws/{id}/cancel",
  options: {
    auth: { strategy: "integration", payload: "required" },
    payload: { parse: false, output: "data", maxBytes: 64 * 1024 },
    validate: {
      params: Joi.object({ id: Joi.string().guid().required() }),
      failAction: (request, h) => refuseWithdraw(h, 400, "VALIDATION_ERROR", "The id is not a UUID").takeover(),
    },
  },
  handler(request, h) {
    const withdraw = withdraws.get(request.params.id);
    if (withdraw?.tenant !== request.auth.credentials.tenant) {
      return refuseWithdraw(h, 404, "RESOURCE_NOT_FOUND", "Withdraw not found");
    }
    const { status, providerSupportsCancel } = withdraw;
    if (status !== "pending" && !(status === "processing" && providerSupportsCancel)) {
      return refuseWithdraw(h, 400, "VALIDATION_ERROR", `Withdraw cannot be cancelled because it is ${status}`);
    }
    withdraw.status = "canceled";
    withdraw.canceledAt = now();
    withdraw.updatedAt = withdraw.canceledAt;
    return { success: true, data: showWithdraw(withdraw) };
  },
});

// Payout intents

const refuseIntent = (h, status, code, message) => h.response({ error: { code, message } }).code(status);

server.auth.strategy("merchant", "basic", {
  validate(request, username, password) {
    const name = Object.keys(TENANTS).find((each) => ACCOUNTS[each]?.public_key === username);
    const known = Buffer.from(ACCOUNTS[name]?.secret_key ?? "");
    const isValid = known.length > 0 && equal(known, Buffer.from(password));
    return { isValid, credentials: { tenant: TENANTS[name] } };
  },
  unauthorizedAttributes: { realm: "Merchant API" },
});

const ownIntent = (request) => {
  const intent = intents.get(request.params.id);
  return intent?.tenant === request.auth.credentials.tenant ? intent : undefined;
};
const showIntent = ({ tenant, ...shown }) => shown;

server.route({
  method: "GET",
  path: "/payout_intents/{id}",
  options: { auth: "merchant" },
  handler(request, h) {
    const intent = ownIntent(request);
    return intent ? showIntent(intent) : refuseIntent(h, 404, "not_found", "Payout intent not found");
  },
});

server.route({
  method: "POST",
  path: "/payout_intents/{id}/cancel",
  options: {
    auth: "merchant",
    validate: {
      payload: Joi.object({ reason: Joi.string().trim().max(512).allow("", null) }).allow(null),
      headers: Joi.object({ "idempotency-key": Joi.string().max(255) }).unknown(),
    },
  },
  handler(request, h) {
    const intent = ownIntent(request);
    if (!intent) return refuseIntent(h, 404, "not_found", "Payout intent not found");
    const reason = request.payload?.reason ?? null;
    const key = request.headers["idempotency-key"];
    const place = key && `${intent.tenant} ${key}`;
    const digest = JSON.stringify([intent.id, reason]);
    const first = place && idempotency.get(place);
    if (first && first.digest !== digest) {
      return refuseIntent(h, 409, "idempotency_conflict", "Idempotency-Key was used with a different body");
    }
    if (first) return h.response(first.answer).code(202);
    if (intent.status !== "requires_approval") {
      const message = `Payout intent is in status "${intent.status}"; it cannot be cancelled any more.`;
      return refuseIntent(h, 422, "approval_required", message);
    }
    Object.assign(intent, { status: "cancelled", failure_code: "cancelled", failure_message: reason, updated_at: now() });
    const answer = showIntent({ ...intent });
    if (place) idempotency.set(place, { digest, answer });
    return h.response(answer).code(202);
  },
});

// Provider states

const digits = () => String(randomInt(10 ** 11, 10 ** 12));

function newWithdraw(tenant, { status, provider_supports_cancel: providerSupportsCancel = true }) {
  const at = now();
  const withdraw = {
    ...{ tenant, providerSupportsCancel, accountNumber: digits() },
    ...{ id: randomUUID(), amount: "45.10", currency: "MYR", status, referenceId: "claim-8", destinationType: "bank_account" },
    ...{ bankAccountName: "Tan Wei", bankCode: "012", destinationId: null, description: null, metadata: {} },
    ...{ paidAt: status === "paid" ? at : null, canceledAt: status === "canceled" ? at : null },
    ...{ createdAt: at, updatedAt: at },
  };
  withdraws.set(withdraw.id, withdraw);
  return { ...showWithdraw(withdraw), bankAccountNumber: withdraw.accountNumber };
}

function newIntent(tenant, { status }) {
  const at = now();
  const intent = {
    ...{ tenant, object: "payout_intent", id: randomUUID(), amount: "4510", currency: "MYR", country: "MY" },
    ...{ environment: tenant.split(":")[1], status, merchant_reference: "claim-8" },
    recipient: { type: "bank_account", account_last4: digits().slice(-4), bank_code: "HLBBMYKL", holder_name: "Tan Wei" },
    ...{ failure_code: status === "cancelled" ? "cancelled" : null, failure_message: null, created_at: at, updated_at: at },
  };
  intents.set(intent.id, intent);
  return showIntent(intent);
}

const MADE = {
  withdraws: [["pending", "processing", "paid", "failed", "canceled"], newWithdraw],
  "payout-intents": [["requires_approval", "processing", "cancelled", "executed"], newIntent],
};

server.route({
  method: "POST",
  path: "/_states",
  handler({ payload: { action, params } }, h) {
    if (action !== "setup") return {};
    const [statuses, make] = MADE[params.contract];
    if (!statuses.includes(params.status)) return h.response({}).code(422);
    const owner = params.environment === "other" ? "other_environment" : (params.owner ?? "primary");
    return make(TENANTS[owner], params);
  },
});

await server.start();
console.log(server.info.uri);
