"""Stripe's payouts as a third API: contract, specification and checks in one folder, which no release contains."""
