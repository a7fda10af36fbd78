// Cancels one payout intent and reads it: node payout_intents.mjs BASE ID REASON, with PI_KEY and PI_SECRET set.
// Prints both answers, status and body, as JSON.
import { randomUUID } from "node:crypto";

const [base, id, reason] = process.argv.slice(2);
const Authorization = `Basic ${btoa(`${process.env.PI_KEY}:${process.env.PI_SECRET}`)}`;

async function call(method, path, more = {}, body = undefined) {
  const answer = await fetch(base + path, { method, headers: { Authorization, ...more }, body });
  return { status: answer.status, body: await answer.json() };
}

const json = { "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
const cancelled = await call("POST", `/payout_intents/${id}/cancel`, json, JSON.stringify({ reason }));
console.log(JSON.stringify({ cancelled, read: await call("GET", `/payout_intents/${id}`) }));
