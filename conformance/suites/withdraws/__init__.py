"""The withdraws suite."""
