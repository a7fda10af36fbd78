"""The hand-written checks of payout intents: cancel, and the read that confirms it."""
