"""The first profile: from a few answers, or an OpenAPI file, to a commented TOML file and a template for secrets."""

from conformance.init.answers import Answers, Source
from conformance.init.document import Found, read, shortened
from conformance.init.text import environment, profile
from conformance.init.write import Written, write

__all__ = ["Answers", "Found", "Source", "Written", "environment", "profile", "read", "shortened", "write"]
