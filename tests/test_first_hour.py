"""From nothing to a verdict: an empty folder, the address of a target, credentials, and what `init` says to do next."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support import CREDENTIAL_ENV, PATIENCE_S, SandboxProcess, environment, outcomes

# Not in the environment beforehand: the file of variables has to bring them.
BARE = {name: value for name, value in environment().items() if name not in CREDENTIAL_ENV}


def in_bash(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs a line as a person types it, with `payout-conformance` on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e"], input=script, cwd=folder, env={**BARE, "PATH": path},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def test_the_steps_that_init_prints_lead_to_a_verdict(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Pasted as they stand, once the values are filled in; and each step that is forgotten is named by the next."""
    init = (
        f"payout-conformance init --api withdraws --base-url {sandbox.url} --states-url {sandbox.url}/_states "
        "--name Acme --read-path '/api/v1/withdraws/{id}' --cancel-processing --settlement\n"
    )
    done = in_bash(init, tmp_path)
    assert done.returncode == 0, done.stderr
    steps = [line.strip() for line in done.stdout.partition("Next:")[2].splitlines() if line.strip()]
    assert [step.split()[0] for step in steps] == ["edit", "payout-conformance", "payout-conformance"]

    doctor, run = (step.partition("#")[0].strip() for step in steps[1:])
    # Forgotten: to name the variables; then, to fill them in. All of them are told at once.
    forgot = in_bash(doctor.partition(" --env-file")[0], tmp_path)
    assert forgot.returncode == 2
    assert "ACME_API_KEY, ACME_API_SECRET, ACME_OTHER_MERCHANT_API_KEY and" in forgot.stderr
    assert "are not set" in forgot.stderr
    assert "--env-file acme.env" in forgot.stderr
    empty = in_bash(doctor, tmp_path)
    assert empty.returncode == 2
    assert "ACME_API_KEY" in empty.stderr
    assert "are empty)" in empty.stderr

    variables = tmp_path / "acme.env"
    values = {name.replace("SANDBOX_", "ACME_"): value for name, value in CREDENTIAL_ENV.items()}
    text = re.sub(r"(?m)^(\w+)=$", lambda found: f"{found[1]}='{values[found[1]]}'", variables.read_text())
    variables.write_text(text)

    swapped = text.replace("ACME_API_SECRET=", "X=").replace(
        "ACME_OTHER_MERCHANT_API_SECRET=", "ACME_API_SECRET="
    )
    swapped = swapped.replace("X=", "ACME_OTHER_MERCHANT_API_SECRET=")
    variables.write_text(swapped)
    mixed_up = in_bash(doctor, tmp_path)
    assert mixed_up.returncode == 2
    assert "refuses [credentials.primary]: 401" in mixed_up.stdout
    variables.write_text(text)

    done = in_bash(doctor, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is well. Next: payout-conformance run acme.toml" in done.stdout
    done = in_bash(f"{run} --no-fuzz --wait 5", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(outcomes(tmp_path).values()) == {"passed"}
