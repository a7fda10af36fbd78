"""Examines before any verdict whether the target answers, is this API, accepts the credentials, and has resources.

`preflight` is the part that every run begins with; `examine` is the whole, for `payout-conformance doctor`.
"""
