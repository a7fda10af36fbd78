"""Judges answers in the same way for every API: suites and fuzzing ask the same functions, and so agree on levels.

Pure functions of values. Each returns a fact about an answer; its caller decides which check that fails.
"""
