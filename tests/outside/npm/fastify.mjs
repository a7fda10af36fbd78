// Both APIs on Fastify and @fastify/basic-auth, held in memory. Ajv coerces types, and the answers are written by schema.
// OUTSIDE_ACCOUNTS holds the credentials as JSON; the address is printed on standard output.
import { createHash, createHmac, randomInt, randomUUID, timingSafeEqual } from "node:crypto";
import basicAuth from "@fastify/basic-auth";
import Fastify from "fastify";

const ACCOUNTS = JSON.parse(process.env.OUTSIDE_ACCOUNTS);
const TENANTS = { primary: "one:test", other_merchant: "two:test", other_environment: "one:live" };
const FRESH_MS = 5 * 60 * 1000;

const sha256 = (text) => createHash("sha256").update(text).digest();
const equal = (a, b) => timingSafeEqual(sha256(a), sha256(b));
const now = () => new Date().toISOString();
const text = { type: "string" };
const orNull = { type: "string", nullable: true };

class Refusal extends Error {
  constructor(statusCode, code, message) {
    super(message);
    Object.assign(this, { statusCode, code });
  }
}

const app = Fastify({ logger: false, forceCloseConnections: true });

// Withdraws

const withdraws = new Map();
const withdrawSchema = {
  type: "object",
  properties: {
    ...{ id: text, amount: text, currency: text, status: text, referenceId: text, destinationType: text },
    ...{ bankAccountNumber: text, bankAccountName: text, bankCode: text, destinationId: orNull, description: orNull },
    metadata: { type: "object", additionalProperties: true },
    ...{ paidAt: orNull, canceledAt: orNull, createdAt: text, updatedAt: text },
  },
};
const withdrawAnswer = { type: "object", properties: { success: { type: "boolean" }, data: withdrawSchema } };

async function withdrawRoutes(routes) {
  routes.decorateRequest("tenant", null);
  routes.removeAllContentTypeParsers();
  routes.addContentTypeParser("*", { parseAs: "buffer" }, (request, body, done) => done(null, body));

  routes.addHook("preValidation", async (request) => {
    const { "x-api-key": key, "x-timestamp": stamp, "x-signature": signature = "" } = request.headers;
    const name = Object.keys(ACCOUNTS).find((each) => key && ACCOUNTS[each].api_key === key);
    if (!name) throw new Refusal(401, "UNAUTHORIZED", "Unknown API key");
    const hmac = createHmac("sha256", ACCOUNTS[name].api_secret).update(`${stamp}.`).update(request.body ?? "");
    if (!equal(`sha256=${hmac.digest("hex")}`, signature)) throw new Refusal(401, "UNAUTHORIZED", "Bad signature");
    if (!/^\d+$/.test(stamp) || Math.abs(Date.now() - stamp) > FRESH_MS) {
      throw new Refusal(401, "UNAUTHORIZED", "Timestamp outside of the window");
    }
    request.tenant = TENANTS[name];
  });

  routes.setErrorHandler((error, request, reply) => {
    const code = error.validation ? "VALIDATION_ERROR" : error.code;
    reply.code(error.statusCode ?? 500).send({ success: false, error: { code, message: error.message } });
  });

  const own = ({ tenant, params }) => {
    const found = withdraws.get(params.id.toLowerCase());
    if (found?.tenant !== tenant) throw new Refusal(404, "RESOURCE_NOT_FOUND", "Withdraw not found");
    return found;
  };
  const params = { type: "object", properties: { id: { type: "string", format: "uuid" } } };
  const schema = { params, response: { 200: withdrawAnswer } };

  routes.get("/:id", { schema }, async (request) => ({ success: true, data: own(request).shown }));
  routes.post("/:id/cancel", { schema }, async (request) => {
    const { shown, stoppable } = own(request);
    if (shown.status === "processing" && !stoppable) {
      throw new Refusal(400, "VALIDATION_ERROR", "The provider cannot stop a withdraw that it is processing");
    }
    if (!["pending", "processing"].includes(shown.status)) {
      throw new Refusal(400, "VALIDATION_ERROR", `Withdraw is already ${shown.status}`);
    }
    const at = now();
    Object.assign(shown, { status: "canceled", canceledAt: at, updatedAt: at });
    return { success: true, data: shown };
  });
}

// Payout intents

const intents = new Map();
const uses = new Map();
const recipientSchema = {
  type: "object",
  properties: { type: text, account_last4: text, bank_code: text, holder_name: text },
};
const intentSchema = {
  type: "object",
  properties: {
    ...{ object: text, id: text, amount: text, currency: text, country: text, environment: text, status: text },
    ...{ merchant_reference: orNull, recipient: recipientSchema, failure_code: orNull, failure_message: orNull },
    ...{ created_at: text, updated_at: text },
  },
};

async function intentRoutes(routes) {
  routes.decorateRequest("tenant", null);
  await routes.register(basicAuth, {
    authenticate: { realm: "Merchant API" },
    async validate(username, password, request) {
      const name = Object.keys(ACCOUNTS).find((each) => ACCOUNTS[each].public_key === username);
      if (!name || !equal(ACCOUNTS[name].secret_key, password)) throw new Refusal(401, "unauthorized", "Unknown keys");
      request.tenant = TENANTS[name];
    },
  });
  routes.addHook("onRequest", routes.basicAuth);

  routes.setErrorHandler((error, request, reply) => {
    const code = error.validation ? "invalid_request" : (error.code ?? "error");
    reply.code(error.statusCode ?? 500).send({ error: { code, message: error.message } });
  });

  const own = ({ tenant, params }) => {
    const found = intents.get(params.id);
    if (found?.tenant !== tenant) throw new Refusal(404, "not_found", "Payout intent not found");
    return found.shown;
  };

  routes.get("/:id", { schema: { response: { 200: intentSchema } } }, async (request) => own(request));

  const body = { type: "object", properties: { reason: { type: "string", maxLength: 512, nullable: true } } };
  routes.post("/:id/cancel", { schema: { body, response: { 202: intentSchema } } }, async (request, reply) => {
    const intent = own(request);
    const reason = request.body.reason ?? null;
    const key = request.headers["idempotency-key"];
    const place = `${request.tenant} ${key}`;
    const print = JSON.stringify([intent.id, reason]);
    const first = key && uses.get(place);
    if (first && first.print !== print) {
      throw new Refusal(409, "idempotency_conflict", "The Idempotency-Key was used with another body");
    }
    if (first) return reply.code(202).send(first.answer);
    if (intent.status !== "requires_approval") {
      throw new Refusal(422, "approval_required", `Payout intent is in status ${intent.status}`);
    }
    const changes = { status: "cancelled", failure_code: "cancelled", failure_message: reason, updated_at: now() };
    Object.assign(intent, changes);
    if (key) uses.set(place, { print, answer: { ...intent } });
    return reply.code(202).send(intent);
  });
}

// Provider states

function newWithdraw(tenant, { status, provider_supports_cancel: stoppable = true }) {
  const at = now();
  const number = String(randomInt(10 ** 11, 10 ** 12));
  const shown = {
    ...{ id: randomUUID(), amount: "8.00", currency: "SGD", status, referenceId: "batch 12/3" },
    ...{ destinationType: "bank_account", bankAccountNumber: `****${number.slice(-4)}`, bankAccountName: "Lim Mei" },
    ...{ bankCode: "7171", destinationId: null, description: "A \"quoted\" word", metadata: { level: 3 } },
    ...{ paidAt: status === "paid" ? at : null, canceledAt: status === "canceled" ? at : null },
    ...{ createdAt: at, updatedAt: at },
  };
  withdraws.set(shown.id, { tenant, stoppable, shown });
  return { id: shown.id, provider_supports_cancel: stoppable, bankAccountNumber: number };
}

function newIntent(tenant, { status }) {
  const at = now();
  const shown = {
    ...{ object: "payout_intent", id: `po-${randomUUID()}`, amount: "800", currency: "SGD", country: "SG" },
    ...{ environment: tenant.split(":")[1], status, merchant_reference: null },
    recipient: { type: "bank_account", account_last4: "5511", bank_code: "DBSSSGSG", holder_name: "Lim Mei" },
    ...{ failure_code: null, failure_message: null, created_at: at, updated_at: at },
  };
  if (status === "cancelled") Object.assign(shown, { failure_code: "cancelled", failure_message: "at the desk" });
  intents.set(shown.id, { tenant, shown });
  return { id: shown.id };
}

const MADE = {
  withdraws: { pending: 1, processing: 1, paid: 1, failed: 1, canceled: 1 },
  "payout-intents": { requires_approval: 1, processing: 1, cancelled: 1, succeeded: 1 },
};

app.post("/_states", async ({ body: { action, id, params = {} } }, reply) => {
  if (action === "settle") {
    const { shown } = withdraws.get(id ?? params.id) ?? intents.get(id ?? params.id) ?? { shown: {} };
    const at = now();
    if (shown.object && ["requires_approval", "processing"].includes(shown.status)) {
      Object.assign(shown, { status: "succeeded", updated_at: at });
    } else if (["pending", "processing"].includes(shown.status)) {
      Object.assign(shown, { status: "paid", paidAt: at, updatedAt: at });
    }
  }
  if (action !== "setup") return {};
  if (!MADE[params.contract]?.[params.status]) return reply.code(404).send({ message: "No such state" });
  const owner = params.environment === "other" ? "other_environment" : (params.owner ?? "primary");
  return (params.contract === "withdraws" ? newWithdraw : newIntent)(TENANTS[owner], params);
});

app.register(withdrawRoutes, { prefix: "/api/v1/withdraws" });
app.register(intentRoutes, { prefix: "/payout_intents" });
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));
