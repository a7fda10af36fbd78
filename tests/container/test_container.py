"""The image of Containerfile, built and run as people run it. `make container`; it is no part of `make test`.

buildah builds and runs it without a daemon: IMAGE names the image that `make container` has built. The container shares
the loopback of this machine, on which the sandbox listens.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import CREDENTIAL_ENV, PATIENCE_S, SandboxProcess, write_profile

USER = 65532
IMAGE = os.environ["IMAGE"]


def _buildah(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["buildah", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture(scope="module")
def image() -> dict[str, object]:
    """The configuration of the image, as OCI has it."""
    done = _buildah("inspect", "--type", "image", IMAGE)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)["OCIv1"]["config"]
    return found


@pytest.fixture
def container() -> Iterator[str]:
    """A container of the image, of one test, without the image's volumes.

    buildah mounts an empty volume over a folder of the command line, or below it, as it happens; podman and docker
    mount the folder.
    """
    done = _buildah("from", IMAGE)
    assert done.returncode == 0, done.stderr
    name = done.stdout.strip()
    without = _buildah("config", "--volume", "/profiles-", "--volume", "/data/reports-", name)
    assert without.returncode == 0, without.stderr
    yield name
    _buildah("rm", name)


def _entrypoint(image: dict[str, object]) -> list[str]:
    found = image["Entrypoint"]
    assert isinstance(found, list)
    return found


def test_the_image_says_how_it_is_run(image: dict[str, object], container: str) -> None:
    """The image has a user who isn't root, its two volumes, and prints its help without an argument."""
    assert image["User"] == f"{USER}:{USER}"
    assert set(image["Volumes"]) == {"/profiles", "/data/reports"}  # type: ignore[call-overload]
    assert (image["WorkingDir"], image["Cmd"]) == ("/data", ["--help"])

    helped = _buildah("run", container, "--", *_entrypoint(image), *image["Cmd"])  # type: ignore[misc]
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.startswith("Usage: payout-conformance [OPTIONS] COMMAND")

    who = _buildah(
        "run", container, "--", "sh", "-c",
        "id -u; id -g; pwd; touch /opt/payout-conformance/x /profiles/x /usr/x; touch reports/x && echo written",
    )  # fmt: skip
    assert who.stdout.split() == [str(USER), str(USER), "/data", "written"]
    assert who.stderr.count("Permission denied") == 3


@pytest.mark.parametrize(
    ("defect", "code", "verdict"),
    [((), 0, "conformant"), (("wd-paid-at-is-set",), 1, "non_conformant")],
    ids=["conformant", "defect"],
)
def test_a_run_ends_with_its_exit_code_and_a_report_in_the_mounted_folder(
    tmp_path: Path,
    image: dict[str, object],
    container: str,
    defect: tuple[str, ...],
    code: int,
    verdict: str,
) -> None:
    """A profile that is mounted read-only is run against a target on loopback: 0 and 1, and the whole report."""
    target = SandboxProcess(*defect)
    profiles, reports = tmp_path / "profiles", tmp_path / "reports"
    profiles.mkdir()
    reports.mkdir()
    write_profile(profiles, "withdraws", target.url)
    # The user of the container has to be able to write there.
    shutil.chown(reports, USER, USER)
    try:
        done = _buildah(
            "run", "--network", "host", "--volume", f"{profiles}:/profiles:ro", "--volume", f"{reports}:/data/reports",
            *(word for name, value in CREDENTIAL_ENV.items() for word in ("--env", f"{name}={value}")),
            container, "--", *_entrypoint(image), "run", "/profiles/withdraws.toml", "--no-fuzz",
        )  # fmt: skip
    finally:
        target.close()

    assert done.returncode == code, done.stdout + done.stderr
    latest = reports / (reports / "latest").readlink()
    assert json.loads((latest / "run.json").read_text())["verdict"] == verdict
    assert {path.name for path in latest.iterdir()} > {
        "report.html",
        "summary.md",
        "junit.xml",
        "exchanges.har",
    }
    assert {path.stat().st_uid for path in latest.rglob("*")} == {USER}
    assert f"reports/{latest.name}/report.html" in done.stdout
