"""Requests to the target: the client, what its runs share, authentication, redaction."""
