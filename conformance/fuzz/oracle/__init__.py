"""Judges: from an answer to the checks that it puts to the test, and which of them it fails."""
