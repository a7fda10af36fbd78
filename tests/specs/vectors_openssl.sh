#!/bin/sh
# Signs with openssl. One vector per line of standard input: the secret in hex, the timestamp, and the body in base64
# ("-" stands for an empty body). One header value per line of standard output.
set -eu
while read -r secret timestamp body; do
  {
    printf '%s.' "$timestamp"
    if [ "$body" != - ]; then printf '%s' "$body" | openssl base64 -d -A; fi
  } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret" -r | sed 's/ .*//; s/^/sha256=/'
done
