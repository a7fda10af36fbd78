"""Conformance checks of Stripe's payouts: `payout-conformance run` collects them, our own pytest doesn't."""
