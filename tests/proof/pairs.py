"""Pairs of defects of which each has to be told, and not only the one that is met first.

`SAMPLE` of each API are part of the tests; `make headlines` runs all.
"""

SAMPLE = 2
PAIRS = {
    "withdraws": (
        "wd-signature-is-not-verified+wd-owner-is-not-checked",
        "wd-error-is-flat+wd-refusal-clears-paid-at",
        "wd-success-is-202+wd-amount-is-a-number",
        "wd-data-is-unwrapped+wd-account-is-in-a-header",
        "wd-refusal-is-409+wd-unknown-code-is-short",
        "wd-unknown-is-500+wd-multibyte-key-is-500",
    ),
    "payout-intents": (
        "pi-secret-is-not-checked+pi-owner-is-not-checked",
        "pi-success-is-wrapped+pi-get-cancels",
        "pi-refusal-is-409+pi-keys-expire-at-once",
        "pi-unknown-is-500+pi-no-reason-is-500",
        "pi-basic-is-refused+pi-no-credentials-are-accepted",
    ),
}
