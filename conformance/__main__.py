"""`python -m conformance` is `payout-conformance`."""

from conformance.cli import main

main(prog_name="payout-conformance")
