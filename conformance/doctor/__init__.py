"""Finds out before any verdict whether the target is there, is this API, knows the caller, and has resources.

`preflight` is the part that every run begins with; `examine` is the whole, for `payout-conformance doctor`.
"""
