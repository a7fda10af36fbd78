// Both APIs on nothing but node:http, held in memory: 403s, seconds, pretty-printed JSON, a connection per answer.
// Written from the two documents, with nothing of this project in it. OUTSIDE_ACCOUNTS holds the credentials as JSON;
// the address is printed on standard output.
import { createHash, createHmac, randomBytes, randomInt, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

let asked = 0; // Requests are numbered, as by some frameworks: a short id, and another one each time.

const ACCOUNTS = JSON.parse(process.env.OUTSIDE_ACCOUNTS);
const TENANTS = { primary: "one/test", other_merchant: "two/test", other_environment: "one/live" };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FRESH_MS = 10 * 60 * 1000;
const SETTLES_AFTER_MS = 300;
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-allow-headers": "authorization, content-type, idempotency-key, x-api-key, x-timestamp, x-signature",
  "access-control-max-age": "600",
};

const withdraws = new Map(); // id -> { tenant, account, shown }
const intents = new Map(); // id -> { tenant, bornAt, shown }
const keys = new Map(); // tenant and key -> { digest, id, outcome }
const signaturesSeen = new Set(); // a signed request is good once

const instant = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");
const same = (a, b) => timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest());

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

function send(res, status, value) {
  const text = value === undefined ? "" : `${JSON.stringify(value, null, 2)}\n`;
  const headers = { ...CORS, connection: "close", "x-request-id": randomUUID(), "cache-control": "no-store" };
  if (text) Object.assign(headers, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  res.writeHead(status, headers);
  res.end(text);
}

// Withdraws

function signer(req, body) {
  const key = req.headers["x-api-key"] ?? "";
  const stamp = req.headers["x-timestamp"] ?? "";
  const signature = req.headers["x-signature"] ?? "";
  const name = Object.keys(ACCOUNTS).find((each) => ACCOUNTS[each].api_key && same(ACCOUNTS[each].api_key, key));
  const refused = new Refusal(403, "FORBIDDEN", "The request is not signed as it should be");
  if (!name || !/^\d{10,16}$/.test(stamp) || Math.abs(Date.now() - Number(stamp)) > FRESH_MS) throw refused;
  const hmac = createHmac("sha256", ACCOUNTS[name].api_secret).update(`${stamp}.`).update(body);
  if (!same(`sha256=${hmac.digest("hex")}`, signature) || signaturesSeen.has(signature)) throw refused;
  signaturesSeen.add(signature);
  return TENANTS[name];
}

function ownWithdraw(tenant, id) {
  const found = withdraws.get(id.toLowerCase());
  if (!found || found.tenant !== tenant) throw new Refusal(404, "RESOURCE_NOT_FOUND", `Nothing is known of ${id}`);
  return found.shown;
}

function cancelWithdraw(tenant, id) {
  const shown = ownWithdraw(tenant, id);
  if (shown.status !== "pending") {
    throw new Refusal(400, "VALIDATION_ERROR", `A withdraw that is ${shown.status} cannot be cancelled`);
  }
  shown.status = "canceled";
  shown.canceledAt = shown.updatedAt = instant();
  return shown;
}

function withdrawRoute(req, res, path, body) {
  try {
    const match = /^\/api\/v1\/withdraws\/([^/]*)(\/cancel)?$/.exec(path);
    const wanted = match?.[2] ? "POST" : "GET";
    if (!match || req.method !== wanted) throw new Refusal(404, "ROUTE_NOT_FOUND", "There is no such operation");
    const tenant = signer(req, body);
    const shown = match[2] ? cancelWithdraw(tenant, match[1]) : ownWithdraw(tenant, match[1]);
    send(res, 200, { success: true, data: shown, requestId: randomUUID() });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const told = { code: error.code, message: error.message, details: [] };
    send(res, error.status, { success: false, error: told, requestId: `req-${(asked += 1).toString(36)}`, at: instant() });
  }
}

// Payout intents

function basic(req) {
  const [, token] = /^basic +(\S+)$/i.exec(req.headers.authorization ?? "") ?? [];
  const pair = Buffer.from(token ?? "", "base64").toString();
  const own = ([, each]) => each.public_key && same(`${each.public_key}:${each.secret_key}`, pair);
  const [name] = Object.entries(ACCOUNTS).find(own) ?? [];
  if (!name) throw new Refusal(403, "forbidden", "Unknown keys");
  return TENANTS[name];
}

function ownIntent(tenant, id) {
  const found = intents.get(id);
  if (!found || found.tenant !== tenant) throw new Refusal(404, "not_found", `There is no payout intent ${id}`);
  if (found.shown.status === "processing" && Date.now() - found.bornAt > SETTLES_AFTER_MS) {
    Object.assign(found.shown, { status: "settled", updated_at: instant() });
  }
  return found.shown;
}

function reasonOf(body) {
  let sent = {};
  try {
    if (body.length) sent = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new Refusal(422, "invalid_body", "The body is not JSON");
  }
  if (typeof sent !== "object" || sent === null || Array.isArray(sent)) {
    throw new Refusal(422, "invalid_body", "The body is not an object");
  }
  const { reason } = sent;
  if (reason === undefined || reason === null) return undefined;
  if (typeof reason !== "string" || [...reason].length > 512 || !reason.isWellFormed()) {
    throw new Refusal(422, "invalid_reason", "The reason is not a text of up to 512 characters");
  }
  return reason;
}

function cancelIntent(tenant, id, reason) {
  const shown = ownIntent(tenant, id);
  if (shown.status !== "requires_approval") {
    throw new Refusal(422, "approval_required", `The intent is ${shown.status}`);
  }
  const failure_message = reason ?? "Cancelled by the merchant";
  Object.assign(shown, { status: "cancelled", failure_code: "cancelled", failure_message, updated_at: instant() });
  return { ...shown };
}

function cancelWithKey(req, tenant, id, body) {
  const key = req.headers["idempotency-key"];
  const reason = reasonOf(body);
  if (key === undefined) return cancelIntent(tenant, id, reason);
  if (!UUID.test(key)) throw new Refusal(400, "invalid_idempotency_key", "An Idempotency-Key is a UUID");
  const name = `${tenant} ${key}`;
  const digest = JSON.stringify(reason ?? null);
  const held = keys.get(name);
  if (held && held.digest !== digest) throw new Refusal(409, "idempotency_conflict", "The key came with another body");
  if (held && held.id === id) return held.outcome();
  let outcome; // refusals are kept, too; the same body for another intent is another cancellation
  try {
    const answer = cancelIntent(tenant, id, reason);
    outcome = () => answer;
  } catch (refusal) {
    outcome = () => {
      throw refusal;
    };
  }
  if (!held) keys.set(name, { digest, id, outcome });
  return outcome();
}

function intentRoute(req, res, path, body) {
  try {
    const match = /^\/payout_intents\/([^/]*)(\/cancel)?$/.exec(path);
    const wanted = match?.[2] ? ["POST"] : ["GET", "HEAD"];
    if (!match || !wanted.includes(req.method)) throw new Refusal(404, "route_not_found", "There is no such operation");
    const tenant = basic(req);
    const shown = match[2] ? cancelWithKey(req, tenant, match[1], body) : ownIntent(tenant, match[1]);
    send(res, match[2] ? 202 : 200, shown);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const told = { type: "request_error", code: error.code, message: error.message, request_id: randomUUID() };
    send(res, error.status, { error: told });
  }
}

// Provider states

function newWithdraw(tenant, status) {
  const at = instant();
  const account = String(randomInt(10 ** 11, 10 ** 12));
  const shown = {
    object: "withdraw", id: randomUUID(), amount: "980.00", currency: "USD", status, fee: "1.50",
    referenceId: `r-${account.slice(6)}`, destinationType: "bank_account", bankAccountNumber: `••••${account.slice(-4)}`,
    bankAccountName: "Zoë O'Neill", bankCode: "0021", destinationId: null, description: "",
    metadata: { n: 1.5, tags: ["a", null], nested: { ok: false } },
    paidAt: status === "paid" ? at : null, canceledAt: status === "canceled" ? at : null, createdAt: at, updatedAt: at,
  };
  withdraws.set(shown.id, { tenant, account, shown });
  return shown;
}

function newIntent(tenant, status) {
  const at = instant();
  const returned = { failure_code: "returned_by_bank", failure_message: "Account closed" };
  const cancelled = { failure_code: "cancelled", failure_message: "Before we began" };
  const none = { failure_code: null, failure_message: null };
  const shown = {
    id: `pi_${randomBytes(12).toString("hex")}`, object: "payout_intent", status, amount: "7", currency: "JPY",
    country: "JP", environment: tenant.split("/")[1], merchant_reference: null, fee: { amount: "0", currency: "JPY" },
    recipient: {
      type: "bank_account", account_last4: "0042", bank_code: "0005", holder_name: "ヤマダ タロウ", branch: "001",
    },
    ...({ returned, cancelled }[status] ?? none), created_at: at, updated_at: at,
  };
  intents.set(shown.id, { tenant, bornAt: Date.now(), shown });
  return shown;
}

function stateRoute(res, body) {
  const { action, params = {} } = JSON.parse(body);
  const tenant = TENANTS[params.environment === "other" ? "other_environment" : (params.owner ?? "primary")];
  const made = {
    withdraws: ["pending", "processing", "paid", "failed", "canceled"],
    "payout-intents": ["requires_approval", "processing", "cancelled", "settled", "returned"],
  }[params.contract];
  if (action !== "setup" || !made?.includes(params.status)) return send(res, 404, { error: "not here" });
  const make = params.contract === "withdraws" ? newWithdraw : newIntent;
  return send(res, 200, make(tenant, params.status));
}

const server = createServer((req, res) => {
  const parts = [];
  req.on("data", (part) => parts.push(part));
  req.on("end", () => {
    const body = Buffer.concat(parts);
    const path = req.url.split("?")[0];
    if (req.method === "OPTIONS") send(res, 204);
    else if (path === "/_states") stateRoute(res, body);
    else if (path.startsWith("/api/v1/withdraws")) withdrawRoute(req, res, path, body);
    else intentRoute(req, res, path, body);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
