// Cancels one withdraw: node withdraws.mjs BASE ID, with WD_KEY and WD_SECRET set. Prints status and body as JSON.
import { createHmac } from "node:crypto";

const [base, id] = process.argv.slice(2);
const sentAt = String(Date.now());
// No body is sent, so what is signed ends behind the dot.
const digest = createHmac("sha256", process.env.WD_SECRET).update(sentAt + ".").digest("hex");

const answer = await fetch(new URL(`/api/v1/withdraws/${encodeURIComponent(id)}/cancel`, base), {
  method: "POST",
  headers: { "X-API-Key": process.env.WD_KEY, "X-Timestamp": sentAt, "X-Signature": "sha256=" + digest },
});
console.log(JSON.stringify({ status: answer.status, body: await answer.json() }));
