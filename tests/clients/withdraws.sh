#!/bin/sh
# Cancels one withdraw with curl and openssl: withdraws.sh BASE ID, with WD_KEY and WD_SECRET set.
# Prints the body, then the status on a line of its own.
set -eu
now=$(($(date +%s) * 1000))
mac=$(printf '%s.' "$now" | openssl dgst -sha256 -hmac "$WD_SECRET" -r | cut -d' ' -f1)
curl --silent --show-error --noproxy '*' --request POST --write-out '\n%{http_code}\n' \
  --header "X-API-Key: $WD_KEY" --header "X-Timestamp: $now" --header "X-Signature: sha256=$mac" \
  "$1/api/v1/withdraws/$2/cancel"
