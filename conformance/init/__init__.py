"""Writes the first profile of a target: a commented TOML file and a template for its secrets."""

from conformance.init.answers import Answers, Source
from conformance.init.document import Found, read, shortened
from conformance.init.text import environment, profile
from conformance.init.write import Written, write

__all__ = ["Answers", "Found", "Source", "Written", "environment", "profile", "read", "shortened", "write"]
