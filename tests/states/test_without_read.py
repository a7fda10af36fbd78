"""Runs against targets without a read endpoint, where only the owner's cancel shows what a request has done."""

from pathlib import Path

import pytest

from tests.support import SandboxProcess, certify, outcomes, write_profile


@pytest.mark.parametrize("method", ["get", "put", "delete", "options", "any-other-method"])
def test_method_that_cancels_is_found_by_the_owners_cancel(
    bendable: SandboxProcess, tmp_path: Path, method: str
) -> None:
    """Its success is no proof that the requests before it had no effect: it is the effect."""
    name = "wd-any-other-method-cancels" if method == "any-other-method" else f"wd-{method}-cancels"
    bendable.bend(name)
    states = f'url = "{bendable.url}/_states"'

    done = certify(write_profile(tmp_path, "withdraws", bendable.url, states=states), "-k", "other_method")

    assert outcomes(tmp_path)["WD-40"] == "failed", done.stdout
