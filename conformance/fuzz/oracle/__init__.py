"""Judges answers: each check that an answer decides has one result."""
