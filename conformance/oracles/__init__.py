"""Oracles: judgements that hold for every API. Suites and fuzzing call the same functions, and so agree on levels.

`expect`, `every_response`, `instants`, `odd_requests` and `concurrency` assert, and raise a Violation; the others are
pure functions that return their finding, and the caller decides which check fails.
"""
