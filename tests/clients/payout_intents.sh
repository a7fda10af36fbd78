#!/bin/sh
# Cancels one payout intent with curl: payout_intents.sh BASE ID REASON, with PI_KEY and PI_SECRET set.
# Prints the body, then the status on a line of its own.
set -eu
curl --silent --show-error --noproxy '*' --user "$PI_KEY:$PI_SECRET" --write-out '\n%{http_code}\n' \
  --header 'Content-Type: application/json' --header "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \
  --data "{\"reason\": \"$3\"}" "$1/payout_intents/$2/cancel"
