"""Generates: requests from the specification (Schemathesis), values of our own, and sequences of requests."""
