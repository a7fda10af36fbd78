"""The withdraws API: the reference in `reference`, and beside it what can be wrong with it."""
