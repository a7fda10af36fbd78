"""Before any verdict: is the target there, is it this API, does it know us, and can it give us resources?

`preflight` is the part that every run begins with; `examine` is the whole, for `payout-conformance doctor`.
"""
