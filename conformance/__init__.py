"""A conformance harness for payout-cancellation APIs."""

__version__ = "0.1.0"
