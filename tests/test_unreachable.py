"""Runs that can't come to a verdict: no answer, limits, nowhere to write to. By the command, on real sockets."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.support import (
    PATIENCE_S,
    SandboxProcess,
    always,
    certify,
    environment,
    outcomes,
    record,
    reply_with,
    serving,
    write_profile,
)

# -- no answer -----------------------------------------------------------------------------------------------


def no_answer(
    tmp_path: Path, url: str, says: str, env: dict[str, str] | None = None, timeout_s: float = 60
) -> str:
    """Runs against a target that isn't one, which has to end with 4 and without a verdict."""
    profile = write_profile(tmp_path, "withdraws", url, states="", limits=f"timeout_s = {timeout_s}")
    done = certify(profile, env=env)

    assert done.returncode == 4, done.stdout + done.stderr
    assert f"{url} gives no answer" in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "WD-" not in done.stdout + done.stderr
    assert not list((tmp_path / "reports").iterdir())
    return done.stderr


@pytest.mark.parametrize(
    ("at_once", "then", "says"),
    [
        (b"", b"", "timeout_s"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x", "timeout_s"),
        (b"x", b"x", ""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n", b"x", "timeout_s"),
    ],
    ids=["silence", "trickled head", "trickled garbage", "trickled body"],
)
def test_a_target_that_takes_for_ever_is_no_verdict(
    tmp_path: Path, at_once: bytes, then: bytes, says: str
) -> None:
    """It accepts and never answers, or a little at a time, and would go on until the end of days."""

    def answer(peer: socket.socket, _: bytes) -> None:
        peer.sendall(at_once)
        while not server.over.wait(0.2):
            peer.sendall(then)

    with serving(answer) as server:
        no_answer(tmp_path, server.url, says, timeout_s=0.6)


def test_garbage_is_no_verdict(tmp_path: Path) -> None:
    """A listener that doesn't speak HTTP is no verdict."""
    with serving(always(b"220 smtp ready\r\n\r\n")) as server:
        no_answer(tmp_path, server.url, "speaks no HTTP")


def test_a_certificate_that_nobody_signed_is_no_verdict(tmp_path: Path) -> None:
    """Named as TLS, with what to do about a private CA; and doing that helps."""
    authority = Authority(tmp_path)
    own = authority.certificate(by_itself=True)
    context = authority.context(own)
    envelope = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no"}}'
    with serving(always(reply_with(envelope, status="404 Not Found")), keep=True, tls=context) as server:
        said = no_answer(tmp_path, server.url, "TLS failed")
        assert "SSL_CERT_FILE" in said
        done = certify(tmp_path / "withdraws.toml", "-k", "unknown", env=environment(SSL_CERT_FILE=str(own)))

    assert done.returncode in (1, 3), done.stdout + done.stderr
    assert outcomes(tmp_path)["WD-11"] == "passed"


def test_a_target_that_dies_on_the_way_fails_nothing(tmp_path: Path) -> None:
    """Checks without an answer are errors of transport; the run is inconclusive."""
    left = iter(range(8))
    envelope = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no such withdraw"}}'

    def answer(peer: socket.socket, _: bytes) -> None:
        if next(left, None) is not None:
            peer.sendall(reply_with(envelope, status="404 Not Found"))
        else:
            server.close()

    with serving(answer) as server:
        profile = write_profile(tmp_path, "withdraws", server.url, states="")
        done = certify(profile, "-k", "method or malformed")

    assert done.returncode in (3, 4), done.stdout + done.stderr
    found = record(tmp_path)
    errors = [check for check in found["checks"] if check["outcome"] == "error"]
    assert errors
    assert all(re.match(r"(reset|refused|connect|protocol): ", check["message"]) for check in errors)


# -- limits --------------------------------------------------------------------------------------------------


def test_a_budget_that_is_used_up_is_inconclusive(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Checks without a request left are not testable; giving resources back costs nothing more."""
    done = certify(
        write_profile(tmp_path, "withdraws", sandbox.url, limits="max_requests = 20"), "-k", "auth"
    )

    assert done.returncode == 3, done.stdout + done.stderr
    assert "budget of 20 requests is used up" in done.stdout
    assert "failed" not in outcomes(tmp_path).values()


def test_a_target_that_hangs_up_after_each_answer_is_certified(tmp_path: Path) -> None:
    """No `Connection: close`, closed all the same: one connection per request, and no check lost to a reset."""
    envelope = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no such withdraw"}}'
    with serving(always(reply_with(envelope, status="404 Not Found"))) as server:
        done = certify(
            write_profile(tmp_path, "withdraws", server.url, states=""), "-k", "unknown or malformed"
        )

    assert "error" not in outcomes(tmp_path).values(), done.stdout
    assert outcomes(tmp_path)["WD-11"] == "passed"


# -- where the output goes -----------------------------------------------------------------------------------


def test_two_runs_in_one_second_have_folders_of_their_own(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """And `latest` names the newest; a name of other letters makes a folder all the same."""
    profile = write_profile(
        tmp_path, "withdraws", sandbox.url, name="Ünï/../Côde 😀", limits="max_requests = 4"
    )
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "conformance",
                "run",
                profile,
                "--no-fuzz",
                "-k",
                "only_the_key",
                "--quiet",
            ],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [each.wait(PATIENCE_S) for each in running] == [3, 3]

    folders = [path for path in (tmp_path / "reports").iterdir() if not path.is_symlink()]
    assert len(folders) == 2
    assert all(re.fullmatch(r"[a-z0-9-]+-withdraws-\d{8}T\d{6}Z(-\d)?", path.name) for path in folders)
    assert (tmp_path / "reports" / "latest").resolve() in [path.resolve() for path in folders]
