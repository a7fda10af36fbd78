"""Contracts are found in the suites and in the folders that `--contract` names."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import contracts
from conformance.errors import UsageError
from tests.support import ROOT, command, environment, launched

THIRD = ROOT / "tests" / "stripe_payouts"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a folder behind for the next one."""
    monkeypatch.setenv(contracts.FOLDERS, "")
    modules = set(sys.modules)
    contracts.every.cache_clear()
    yield
    for name in set(sys.modules) - modules:
        if not name.startswith("conformance"):
            del sys.modules[name]
    contracts.every.cache_clear()
    contracts.checks_folder.cache_clear()


def package(folder: Path, contract: str, init: str = "") -> Path:
    folder.mkdir()
    (folder / "__init__.py").write_text(init)
    (folder / "contract.py").write_text(contract)
    return folder


def test_the_products_own_contracts_are_found() -> None:
    assert contracts.names() == ("payout-intents", "withdraws")


def test_a_folder_brings_a_contract() -> None:
    contracts.add_folders([THIRD])

    assert "stripe-payouts" in contracts.names()
    assert contracts.checks_folder("stripe-payouts") == THIRD / "suite"
    assert os.environ[contracts.FOLDERS] == str(THIRD)


def test_a_folder_that_is_named_twice_counts_once() -> None:
    contracts.add_folders([THIRD])
    contracts.add_folders([THIRD, THIRD])

    assert contracts.names().count("stripe-payouts") == 1


def test_what_lies_beside_a_folder_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("raise SystemExit('imported')")
    folder = package(tmp_path / "shop_payouts", "import neighbour\n")

    with pytest.raises(UsageError, match="ModuleNotFoundError: No module named 'neighbour'"):
        contracts.add_folders([folder])


@pytest.mark.parametrize(
    ("name", "contract", "said"),
    [
        ("shop_payouts", "CONTRACT = 1\n", "is no Contract"),
        ("shop_payouts", "1 / 0\n", "ZeroDivisionError"),
        ("shop-payouts", "", "name can't be that of a Python package"),
        ("json", "", "another module named json"),
    ],
)
def test_a_folder_that_holds_no_contract_is_refused(
    tmp_path: Path, name: str, contract: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        contracts.add_folders([package(tmp_path / name, contract)])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no __init__\.py and contract\.py"):
        contracts.add_folders([tmp_path])


def test_two_contracts_of_one_name_are_refused(tmp_path: Path) -> None:
    twin = package(
        tmp_path / "shop_payouts",
        "from conformance.suites.withdraws.contract import CONTRACT as CONTRACT\n",
    )

    with pytest.raises(UsageError, match="two contracts are named withdraws"):
        contracts.add_folders([twin])


def test_a_wrong_folder_is_a_wrong_command_line(tmp_path: Path) -> None:
    done = command("catalogue", "--contract", tmp_path, cwd=tmp_path)

    assert done.returncode == 2
    assert "can't be used as a contract" in done.stderr


def test_an_installed_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    installed = tmp_path / "site"
    shutil.copytree(THIRD, installed / "stripe_payouts")
    metadata = installed / "stripe_payouts-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stripe-payouts\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[payout_conformance.contracts]\nstripe-payouts = stripe_payouts.contract:CONTRACT\n"
    )

    # Packages are looked for where an interpreter begins: in one of its own.
    words = ("-m", "conformance", "catalogue", "SP-01")
    env = environment(PYTHONPATH=f"{ROOT}{os.pathsep}{installed}")
    done = launched(sys.executable, *words, cwd=tmp_path, env=env)

    assert done.returncode == 0, done.stderr
    assert "A pending payout is cancelled" in done.stdout
    assert "cancellation::a_pending_payout_is_cancelled" in done.stdout
