"""The matrix of real runs: nothing red for a conformant target, and red for what cancels where it must not."""

import re
from pathlib import Path

import pytest

from tests.support import READ_PATH, TERMINAL, SandboxProcess, certify, write_profile

CANCELS_PAID = {"withdraws": "wd-paid-is-cancelled", "payout-intents": "pi-paid-is-cancelled"}


def matrix(folder: Path) -> str:
    """The part of the latest report that shows the matrix, its key included."""
    page = (folder / "reports" / "latest" / "report.html").read_text()
    return page[page.index('<section id="matrix"') :].split("</section>")[0]


def cells(folder: Path, state: str) -> dict[str, int]:
    """How often each kind of cell is filled in the row of a state."""
    row = matrix(folder).split(f'<th scope="row">{state}</th>')[1].split("</tr>")[0]
    found = re.findall(r'<td class="cell (met|wrong|let|open)">', row)
    return {kind: found.count(kind) for kind in found}


@pytest.mark.parametrize("capabilities", ["cancel_processing = true", "cancel_processing = false", ""])
def test_a_conformant_run_of_withdraws_shows_nothing_red(
    bendable: SandboxProcess, tmp_path: Path, capabilities: str
) -> None:
    """Whatever the profile says of processing withdraws; nor is there a key to what isn't shown."""
    states = f"sandbox = true\n{READ_PATH}"
    bendable.bend(processing_cancellable="false" not in capabilities)
    profile = write_profile(tmp_path, "withdraws", bendable.url, states=states, capabilities=capabilities)
    certify(profile, "-k", "matrix or unknown")
    bendable.bend()

    assert "wrong" not in matrix(tmp_path)
    assert cells(tmp_path, "no such withdraw") == {"met": 1}
    assert cells(tmp_path, "pending") == {"met": 1}


def test_a_conformant_run_of_payout_intents_shows_nothing_red(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """The intent that is cancelled to see whether a key is free stands in no row but its own."""
    profile = write_profile(tmp_path, "payout-intents", sandbox.url, states=f"sandbox = true\n{TERMINAL}")
    certify(profile, "-k", "matrix or unknown")

    assert "wrong" not in matrix(tmp_path)
    assert cells(tmp_path, "no such intent") == {"met": 1}
    assert cells(tmp_path, "requires_approval") == {"met": 1}


@pytest.mark.parametrize(("api", "state"), [("withdraws", "paid"), ("payout-intents", "terminal: paid")])
def test_what_is_cancelled_though_it_is_paid_is_red(
    bendable: SandboxProcess, tmp_path: Path, api: str, state: str
) -> None:
    """And the answer that is documented for it never came."""
    bendable.bend(CANCELS_PAID[api])
    states = f"sandbox = true\n{TERMINAL if api == 'payout-intents' else READ_PATH}"
    certify(write_profile(tmp_path, api, bendable.url, states=states), "-k", "matrix or unknown")
    bendable.bend()

    assert cells(tmp_path, state).get("wrong")
    assert '<li class="wrong">' in matrix(tmp_path)
