// Both APIs on Express, Passport and passport-http, held in memory. express.json() keeps the raw body, which is signed,
// of the types that it parses; other types have none. OUTSIDE_ACCOUNTS holds the credentials as JSON; the address is
// printed on standard output.
import { createHmac, randomInt, randomUUID, timingSafeEqual } from "node:crypto";
import express from "express";
import passport from "passport";
import { BasicStrategy } from "passport-http";

const ACCOUNTS = JSON.parse(process.env.OUTSIDE_ACCOUNTS);
const TENANTS = {
  primary: { merchant: 1, environment: "test" },
  other_merchant: { merchant: 2, environment: "test" },
  other_environment: { merchant: 1, environment: "live" },
};
const FRESH_MS = 5 * 60 * 1000;

const withdraws = new Map();
const intents = new Map();
const firstUses = new Map();

const equal = (a, b) => a.length === b.length && timingSafeEqual(a, b);
const keep = (req, res, buffer) => {
  req.rawBody = buffer;
};

class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const app = express();
app.use(express.json({ verify: keep }));

// Withdraws

function signed(req, res, next) {
  const timestamp = req.get("X-Timestamp") ?? "";
  const name = Object.keys(TENANTS).find((each) => ACCOUNTS[each]?.api_key === (req.get("X-API-Key") ?? ""));
  if (!name || !timestamp) throw new ApiError(401, "UNAUTHORIZED", "Missing or unknown API key");
  const hmac = createHmac("sha256", ACCOUNTS[name].api_secret);
  const expected = `sha256=${hmac.update(`${timestamp}.${req.rawBody ?? ""}`).digest("hex")}`;
  if (!equal(Buffer.from(expected), Buffer.from(req.get("X-Signature") ?? ""))) {
    throw new ApiError(401, "UNAUTHORIZED", "Signature mismatch");
  }
  const age = Math.abs(Date.now() - parseInt(timestamp, 10));
  if (Number.isNaN(age) || age > FRESH_MS) throw new ApiError(401, "UNAUTHORIZED", "Request expired");
  req.tenant = TENANTS[name];
  next();
}

function masked({ tenant, ...shown }) {
  return { ...shown, bankAccountNumber: shown.bankAccountNumber.replace(/.(?=.{4})/g, "*") };
}

function loadWithdraw(req, res, next) {
  req.withdraw = withdraws.get(req.params.id);
  if (req.withdraw?.tenant !== req.tenant) throw new ApiError(404, "RESOURCE_NOT_FOUND", "Withdraw not found");
  next();
}

const withdrawRouter = express.Router();
withdrawRouter.use(signed);
withdrawRouter.get("/:id", loadWithdraw, (req, res) => res.json({ success: true, data: masked(req.withdraw) }));
withdrawRouter.post("/:id/cancel", loadWithdraw, ({ withdraw }, res) => {
  if (withdraw.status !== "pending") {
    throw new ApiError(400, "VALIDATION_ERROR", `A withdraw in status ${withdraw.status} cannot be cancelled`);
  }
  withdraw.status = "canceled";
  withdraw.canceledAt = withdraw.updatedAt = new Date();
  res.json({ success: true, data: masked(withdraw) });
});
withdrawRouter.use((error, req, res, next) => {
  if (!(error instanceof ApiError)) return next(error);
  res.status(error.status).json({ success: false, error: { code: error.code, message: error.message } });
});
app.use("/api/v1/withdraws", withdrawRouter);

// Payout intents

passport.use(
  new BasicStrategy({ realm: "Merchant API" }, (publicKey, secretKey, done) => {
    const name = Object.keys(TENANTS).find((each) => ACCOUNTS[each]?.public_key === publicKey);
    if (!name || !equal(Buffer.from(ACCOUNTS[name].secret_key), Buffer.from(secretKey))) return done(null, false);
    done(null, TENANTS[name]);
  }),
);

function loadIntent(req, res, next) {
  req.intent = intents.get(req.params.id);
  if (req.intent?.tenant !== req.user) throw new ApiError(404, "not_found", "Payout intent not found");
  next();
}

function once(req, res, next) {
  const key = req.get("Idempotency-Key");
  if (!key) return next();
  const { merchant, environment } = req.user;
  const place = JSON.stringify([merchant, environment, key]);
  const print = JSON.stringify([req.params.id, req.body ?? null]);
  const first = firstUses.get(place);
  if (first && first.print !== print) {
    throw new ApiError(409, "idempotency_conflict", "This Idempotency-Key was used with another request");
  }
  if (first) return res.status(202).json(first.answer);
  res.locals.remember = (answer) => firstUses.set(place, { print, answer });
  next();
}

async function deliver(url, intent) {
  const event = { event: "payout_intent.cancelled", sent_at: new Date(), payout_intent: intent };
  const sent = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(event) };
  await fetch(url, sent).catch((error) => console.error(error.message));
}

const publicIntent = ({ tenant, webhookUrl, ...shown }) => shown;

const intentRouter = express.Router();
intentRouter.use(passport.authenticate("basic", { session: false }));
intentRouter.get("/:id", loadIntent, (req, res) => res.json(publicIntent(req.intent)));
intentRouter.post("/:id/cancel", loadIntent, once, (req, res) => {
  const { intent } = req;
  const reason = req.body?.reason;
  if (reason !== undefined && (typeof reason !== "string" || [...reason].length > 512)) {
    throw new ApiError(400, "invalid_reason", "reason must be a string of at most 512 characters");
  }
  if (intent.status !== "requires_approval") {
    const message = `Payout intent is ${intent.status}; only requires_approval intents can be cancelled.`;
    throw new ApiError(422, "approval_required", message);
  }
  Object.assign(intent, { status: "cancelled", failure_code: "cancelled", updated_at: new Date() });
  intent.failure_message = reason ?? null;
  const answer = publicIntent({ ...intent });
  res.locals.remember?.(answer);
  if (intent.webhookUrl) deliver(intent.webhookUrl, answer);
  res.status(202).json(answer);
});
intentRouter.use((error, req, res, next) => {
  if (!(error instanceof ApiError)) return next(error);
  res.status(error.status).json({ error: { code: error.code, message: error.message } });
});
app.use("/payout_intents", intentRouter);

// Provider states

const PAST = { paid: "paidAt", canceled: "canceledAt" };

function newWithdraw(tenant, { status }) {
  const at = new Date();
  const withdraw = {
    ...{ tenant, id: randomUUID(), amount: "12000.00", currency: "THB", status, referenceId: "r/2026/11" },
    ...{ destinationType: "bank_account", bankAccountNumber: String(randomInt(10 ** 9, 10 ** 10)) },
    ...{ bankAccountName: "Kittipong P.", bankCode: "025", destinationId: null, description: "Commission" },
    ...{ metadata: { agent: 17, region: "north" }, paidAt: null, canceledAt: null, createdAt: at, updatedAt: at },
  };
  if (status in PAST) withdraw[PAST[status]] = at;
  withdraws.set(withdraw.id, withdraw);
  return { ...withdraw, tenant: undefined };
}

function newIntent(tenant, { status, webhook_url: webhookUrl }) {
  const at = new Date();
  const intent = {
    ...{ tenant, webhookUrl, object: "payout_intent", id: `word_${randomUUID().replaceAll("-", "")}` },
    ...{ amount: "1200000", currency: "THB", country: "TH", environment: tenant.environment, status },
    merchant_reference: "r/2026/11",
    recipient: { type: "bank_account", account_last4: "0099", bank_code: "AYUDTHBK", holder_name: "Kittipong P." },
    ...{ failure_code: null, failure_message: null, created_at: at, updated_at: at },
  };
  if (status === "cancelled") intent.failure_code = "cancelled";
  intents.set(intent.id, intent);
  return publicIntent(intent);
}

const MADE = {
  withdraws: { statuses: ["pending", "processing", "paid", "failed", "canceled"], make: newWithdraw },
  "payout-intents": { statuses: ["requires_approval", "processing", "cancelled", "completed"], make: newIntent },
};

app.post("/_states", (req, res) => {
  const { action, params = {} } = req.body;
  if (action !== "setup") return res.json({});
  const { statuses, make } = MADE[params.contract];
  if (!statuses.includes(params.status)) return res.status(422).json({ error: "This state is not known here" });
  const owner = params.environment === "other" ? "other_environment" : (params.owner ?? "primary");
  res.json(make(TENANTS[owner], params));
});

const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
