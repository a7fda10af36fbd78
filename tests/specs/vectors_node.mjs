// Signs with node:crypto. Reads and writes the same lines as vectors_openssl.sh.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const [secret, timestamp, body] = line.split(" ");
  const hmac = createHmac("sha256", Buffer.from(secret, "hex"));
  hmac.update(`${timestamp}.`, "ascii");
  if (body !== "-") hmac.update(Buffer.from(body, "base64"));
  console.log(`sha256=${hmac.digest("hex")}`);
}
