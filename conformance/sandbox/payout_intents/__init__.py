"""The payout intents API: the reference in `reference`, and beside it what can be wrong with it."""
