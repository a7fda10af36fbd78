"""Whole runs, by the command, against a sandbox in another process or a target made for the purpose."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import (
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    always,
    command,
    environment,
    reply_with,
    serving,
    write_profile,
)

APIS = ("withdraws", "payout-intents")
MORE = {"withdraws": READ_PATH, "payout-intents": TERMINAL}
# What a run takes of each state, with some to spare.
TAKEN = {
    "withdraws": {"pending": 130, "processing": 8, "paid": 30, "failed": 10, "canceled": 10},
    "payout-intents": {"requires_approval": 170, "processing": 40, "cancelled": 15, "paid": 15, "failed": 15},
}
TAKEN_OF_OTHERS = 8


def certify(profile: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the profile without fuzzing, in its own folder."""
    return command("run", profile, "--no-fuzz", *words, cwd=profile.parent, env=env)


def record(folder: Path) -> dict[str, object]:
    """The record of the latest run below `folder`."""
    found: dict[str, object] = json.loads((folder / "reports" / "latest" / "run.json").read_text())
    return found


def outcomes(folder: Path) -> dict[str, str]:
    """Requirement -> outcome of the latest run."""
    return {row["id"]: row["outcome"] for row in record(folder)["requirements"]}  # type: ignore[attr-defined,index]


# -- where resources come from -------------------------------------------------------------------------------


def pools(sandbox: SandboxProcess, api: str) -> str:
    """Tables of ids that the sandbox was asked for beforehand."""
    owners: dict[str, dict[str, str]] = {"": {}, "other_merchant": {"owner": "other_merchant"}}
    if api == "payout-intents":
        owners["other_environment"] = {"environment": "other"}
    lines = []
    for owner, params in owners.items():
        lines.append(f"[states.ids.{owner}]" if owner else "[states.ids]")
        for status, number in TAKEN[api].items():
            ids = [sandbox.make(api, status, **params) for _ in range(TAKEN_OF_OTHERS if owner else number)]
            lines.append(f"{status} = {json.dumps(ids)}")
    return "\n".join(lines)


MAKER = """\
import json, sys, urllib.request
status, owner, environment, supports, action, one = sys.argv[1:]
params = {"contract": CONTRACT, "status": status, "provider_supports_cancel": supports == "true"}
if CONTRACT == "payout-intents":
    del params["provider_supports_cancel"]
params.update({"owner": owner} if owner != "primary" else {}, **({"environment": "other"} if environment == "other" else {}))
message = {"action": action, "params": params, **({"id": one} if one else {})}
request = urllib.request.Request(URL, json.dumps(message).encode(), {"Content-Type": "application/json"})
print(json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))["id"])
"""


def states(sandbox: SandboxProcess, api: str, source: str, folder: Path) -> str:
    """The [states] of a profile, by one of the four sources."""
    if source == "command":
        (folder / "make.py").write_text(f"CONTRACT, URL = {api!r}, {sandbox.url + '/_states'!r}\n{MAKER}")
        words = [sys.executable, "make.py", *("{%s}" % name for name in ("status", "owner", "environment"))]
        words += ["{provider_supports_cancel}", "{action}", "{id}"]
        return f"{MORE[api]}\ncommand = {json.dumps(words)}"
    if source == "ids":
        return f"{MORE[api]}\n{pools(sandbox, api)}"
    return f"{MORE[api]}\n" + ("sandbox = true" if source == "sandbox" else f'url = "{sandbox.url}/_states"')


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("source", ["url", "ids", "sandbox"])
def test_the_sandbox_is_conformant(sandbox: SandboxProcess, tmp_path: Path, source: str, api: str) -> None:
    """Whatever source its resources come from, every requirement that applies is met."""
    settles = source != "ids"
    capabilities = f"cancel_processing = true\nsettlement = {str(settles).lower()}"
    text = states(sandbox, api, source, tmp_path)

    done = certify(write_profile(tmp_path, api, sandbox.url, states=text, capabilities=capabilities))

    assert (done.returncode, done.stdout.split()[0]) == (0, "CONFORMANT"), done.stdout + done.stderr
    bad = {one for one, outcome in outcomes(tmp_path).items() if outcome not in ("passed", "not_applicable")}
    assert not bad


@pytest.mark.parametrize("api", APIS)
def test_the_sandbox_is_conformant_by_command(sandbox: SandboxProcess, tmp_path: Path, api: str) -> None:
    """A command that is a small script of the provider's, called once per resource."""
    words = ("-k", "matrix or owner or other or settle or approval", "-n", "2")
    done = certify(write_profile(tmp_path, api, sandbox.url, states=states(sandbox, api, "command", tmp_path)), *words)

    assert done.returncode == 3, done.stdout + done.stderr
    found = outcomes(tmp_path)
    assert "passed" in found.values()
    assert set(found.values()) <= {"passed", "deselected", "not_applicable"}, done.stdout


def test_both_profiles_in_one_call_with_fuzzing(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """`run A B`: two verdicts, two reports, one exit code."""
    paths = [write_profile(tmp_path, api, sandbox.url, states=states(sandbox, api, "url", tmp_path)) for api in APIS]

    done = command("run", *paths, "--fuzz-examples", "10", "-n", "2", cwd=tmp_path, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("CONFORMANT  Acme") == 2
    assert done.stdout.count("Report: reports/acme-") == 2
    assert (tmp_path / "reports" / "latest" / "report.html").exists()


def test_a_finished_run_leaves_reports_and_no_working_files(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Everything else is in the record."""
    certify(write_profile(tmp_path, "withdraws", sandbox.url), "--requirement", "WD-04")

    kept = {path.name for path in (tmp_path / "reports" / "latest").iterdir()}
    assert kept == {"run.json", "exchanges.har", "junit.xml", "summary.md", "report.html", "allure-results"}


# -- defects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("defect", "requirement"),
    [
        ("wd-paid-is-cancelled", "WD-04"),
        ("wd-owner-is-not-checked", "WD-12"),
        ("wd-amount-is-a-number", "WD-19"),
        ("wd-error-is-flat", "WD-26"),
        ("wd-signature-is-not-verified", "WD-32"),
        ("wd-check-then-act", "WD-08"),
        ("wd-get-cancels", "WD-40"),
        ("pi-processing-is-cancelled", "PI-02"),
        ("pi-environment-is-not-checked", "PI-12"),
        ("pi-failure-code-has-one-l", "PI-16"),
        ("pi-reason-is-trimmed", "PI-27"),
        ("pi-key-is-ignored", "PI-31"),
        ("pi-secret-is-compared-by-its-head", "PI-40"),
        ("pi-error-is-a-string", "PI-44"),
    ],
)
def test_a_defect_is_found_and_named(bendable: SandboxProcess, tmp_path: Path, defect: str, requirement: str) -> None:
    """Exit 1, and the terminal names the requirement, what came instead, and how to repeat it."""
    api = "withdraws" if defect.startswith("wd-") else "payout-intents"
    bendable.bend(defect)
    profile = write_profile(tmp_path, api, bendable.url, states=states(bendable, api, "sandbox", tmp_path))

    done = certify(profile, "--requirement", requirement)

    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("NON-CONFORMANT"), done.stdout
    assert re.search(rf"\b{requirement}\b", done.stdout)
    assert "curl" in done.stdout
    assert outcomes(tmp_path)[requirement] == "failed"


def test_a_defect_is_found_among_everything_else(bendable: SandboxProcess, tmp_path: Path) -> None:
    """A whole run in two processes, with one thing wrong."""
    bendable.bend("wd-refusal-is-409")

    done = certify(write_profile(tmp_path, "withdraws", bendable.url), "-n", "2")

    assert done.returncode == 1
    assert {"WD-04", "WD-05", "WD-07"} <= {one for one, outcome in outcomes(tmp_path).items() if outcome == "failed"}
    assert "WD-07" in done.stdout


def test_a_warning_fails_only_where_it_is_asked_to(bendable: SandboxProcess, tmp_path: Path) -> None:
    """A SHOULD warns; `--fail-on warning` makes that a 1."""
    bendable.bend("wd-no-challenge")
    profile = write_profile(tmp_path, "withdraws", bendable.url, states=f"{READ_PATH}\nsandbox = true")

    plain, strict = certify(profile), certify(profile, "--fail-on", "warning")

    assert plain.returncode == 0, plain.stdout
    assert strict.returncode == 1
    assert outcomes(tmp_path)["WD-36"] == "warned"


# -- nothing skipped is green --------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("-k", "zzz"), ("-k", "zzz", "-n", "2"), ("-k", "-x"), ("--requirement", "WD-04")])
def test_what_is_left_out_is_deselected_and_inconclusive(
    sandbox: SandboxProcess, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """However little is selected: 3, never 0."""
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url), *words)

    assert (done.returncode, done.stdout.split()[0]) == (3, "INCONCLUSIVE"), done.stdout + done.stderr
    found = outcomes(tmp_path)
    assert found["WD-01"] == "deselected"
    assert found["WD-04"] == ("passed" if "WD-04" in words else "deselected")


def test_without_another_merchant_tenancy_is_not_testable(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Inconclusive, and what is missing is said."""
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url, owners=("primary",)))

    assert done.returncode == 3, done.stdout + done.stderr
    assert "[credentials.other_merchant]" in done.stdout
    assert "WD-12" in done.stdout
    found = outcomes(tmp_path)
    assert found["WD-12"] == "not_testable"
    assert "failed" not in found.values()


def test_without_a_source_nothing_that_needs_one_is_testable(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """What needs no resource is tested all the same."""
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url, states=""))

    assert done.returncode == 3
    assert "names no source" in done.stdout
    found = outcomes(tmp_path)
    assert found["WD-11"] == "passed"
    assert "failed" not in found.values()


def test_a_pool_that_is_too_small_names_the_pool(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Not testable for want of ids: which, and how many there were."""
    one = sandbox.make("withdraws", "pending")
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url, states=f'[states.ids]\npending = ["{one}"]'))

    assert done.returncode == 3
    assert "all 1 ids of states.ids.pending are used" in done.stdout
    assert "states.ids.paid is empty" in done.stdout
    assert "failed" not in outcomes(tmp_path).values()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply_with(b"<html>Hello</html>", headers="Content-Type: text/html"), "<html>Hello</html>"),
        (reply_with(b"broken", status="500 No"), "500: 'broken'"),
        (reply_with(b'{"id": null}'), '{"id": null}'),
        (reply_with(b'[{"id": "x"}]'), '[{"id": "x"}]'),
        (b"", "gave no answer"),
    ],
    ids=["html", "500", "null", "list", "hangs up"],
)
def test_a_state_provider_that_talks_nonsense_fails_nothing(
    sandbox: SandboxProcess, tmp_path: Path, answer: bytes, says: str
) -> None:
    """Not testable, with what it answered; exit 3."""
    with serving(always(answer)) as server:
        profile = write_profile(tmp_path, "withdraws", sandbox.url, states=f'url = "{server.url}/states/"')
        done = certify(profile, "-k", "matrix or unknown")

    assert done.returncode == 3, done.stdout + done.stderr
    assert says in " ".join(done.stdout.split()), done.stdout
    found = outcomes(tmp_path)
    assert "not_testable" in found.values()
    assert "failed" not in found.values()


def test_a_state_provider_that_repeats_itself_fails_nothing(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The first check may use the resource, whoever gets it again can't be judged by it."""
    one = json.dumps({"id": sandbox.make("withdraws", "pending")}).encode()
    with serving(always(reply_with(one)), keep=True) as server:
        done = certify(write_profile(tmp_path, "withdraws", sandbox.url, states=f'url = "{server.url}"'), "-k", "auth")

    assert done.returncode == 3, done.stdout
    assert "twice" in done.stdout
    assert {"not_testable", "passed"} <= {check["outcome"] for check in record(tmp_path)["checks"]}  # type: ignore[attr-defined]
    assert "failed" not in outcomes(tmp_path).values()


# -- no answer -----------------------------------------------------------------------------------------------


def no_answer(tmp_path: Path, url: str, says: str, env: dict[str, str] | None = None) -> str:
    """Runs against a target that isn't one, which has to end with 4 and without a verdict."""
    profile = write_profile(tmp_path, "withdraws", url, states="", limits="timeout_s = 0.6")
    began = time.monotonic()
    done = certify(profile, env=env)

    assert done.returncode == 4, done.stdout + done.stderr
    assert f"{url} gives no answer" in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "WD-" not in done.stdout + done.stderr
    assert not list((tmp_path / "reports").iterdir())
    assert time.monotonic() - began < 6
    return done.stderr


def test_a_closed_port_is_no_verdict(tmp_path: Path) -> None:
    """Refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    no_answer(tmp_path, url, "refused")


def test_an_unknown_host_is_no_verdict(tmp_path: Path) -> None:
    """No such name."""
    no_answer(tmp_path, "http://no-such-host.invalid", "can't be resolved")


def trickle(data: bytes) -> object:
    """A byte every 0.2 s."""

    def send(peer: socket.socket, _: bytes) -> None:
        for byte in data:
            peer.sendall(bytes([byte]))
            time.sleep(0.2)

    return send


@pytest.mark.parametrize(
    "answer",
    [lambda *_: time.sleep(5), trickle(b"HTTP/1.1 200 OK\r\n\r\n"), trickle(b"x" * 50)],
    ids=["silence", "trickled head", "trickled garbage"],
)
def test_a_target_that_takes_for_ever_is_no_verdict(tmp_path: Path, answer: object) -> None:
    """It accepts and never answers, or a little at a time."""
    with serving(answer) as server:  # type: ignore[arg-type]
        no_answer(tmp_path, server.url, "")


def test_a_body_that_takes_for_ever_is_no_verdict(tmp_path: Path) -> None:
    """The head came at once, the body never ends."""

    def answer(peer: socket.socket, request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n")
        trickle(b"x" * 30)(peer, request)  # type: ignore[operator]

    with serving(answer) as server:
        no_answer(tmp_path, server.url, "timeout_s")


def test_garbage_is_no_verdict(tmp_path: Path) -> None:
    """Something listens, but it speaks no HTTP."""
    with serving(always(b"220 smtp ready\r\n\r\n")) as server:
        no_answer(tmp_path, server.url, "not a complete HTTP answer")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that signs itself, for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(cert), "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return cert, key


def test_a_certificate_that_nobody_signed_is_no_verdict(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    """Named as TLS, with what to do about a private CA; and doing that helps."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    envelope = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no"}}'
    with serving(always(reply_with(envelope, status="404 Not Found")), keep=True, tls=context) as server:
        said = no_answer(tmp_path, server.url, "TLS failed")
        assert "SSL_CERT_FILE" in said
        done = certify(
            tmp_path / "withdraws.toml", "-k", "unknown", env=environment(SSL_CERT_FILE=str(certificate[0]))
        )

    assert done.returncode in (1, 3), done.stdout + done.stderr
    assert outcomes(tmp_path)["WD-11"] == "passed"


def test_https_to_a_plain_port_is_no_verdict(tmp_path: Path) -> None:
    """The scheme is wrong: said as TLS."""
    with serving(always(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        no_answer(tmp_path, server.url.replace("http:", "https:"), "")


def test_a_target_that_dies_on_the_way_fails_nothing(tmp_path: Path) -> None:
    """Checks without an answer are errors of transport; the run is inconclusive."""
    left = iter(range(8))

    def answer(peer: socket.socket, _: bytes) -> None:
        if next(left, None) is not None:
            peer.sendall(reply_with(b"{}", status="404 Not Found"))
        else:
            server.close()

    with serving(answer) as server:
        profile = write_profile(tmp_path, "withdraws", server.url, states="")
        done = certify(profile, "-k", "method or malformed")

    assert done.returncode in (3, 4), done.stdout + done.stderr
    found = record(tmp_path)
    errors = [check for check in found["checks"] if check["outcome"] == "error"]  # type: ignore[attr-defined]
    assert errors
    assert all(re.match(r"(reset|refused|connect|protocol): ", check["message"]) for check in errors)


# -- limits --------------------------------------------------------------------------------------------------


def test_a_budget_that_is_used_up_is_inconclusive(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """What there was no request left for is not testable; giving resources back costs nothing more."""
    done = certify(write_profile(tmp_path, "withdraws", sandbox.url, limits="max_requests = 60"))

    assert done.returncode == 3, done.stdout + done.stderr
    assert "budget of 60 requests is used up" in done.stdout
    assert "failed" not in outcomes(tmp_path).values()


def test_a_target_that_hangs_up_after_each_answer_is_certified(tmp_path: Path) -> None:
    """No `Connection: close`, closed all the same: one connection per request, and no check lost to a reset."""
    envelope = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no such withdraw"}}'
    with serving(always(reply_with(envelope, status="404 Not Found"))) as server:
        done = certify(write_profile(tmp_path, "withdraws", server.url, states=""), "-k", "unknown or malformed")

    assert "error" not in outcomes(tmp_path).values(), done.stdout
    assert outcomes(tmp_path)["WD-11"] == "passed"


# -- where the output goes -----------------------------------------------------------------------------------


def test_an_output_that_cannot_be_written_to(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A file in the way, a folder below a file, (for anybody but root) a folder that is read-only."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    (tmp_path / "file").write_text("")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(stat.S_IRUSR | stat.S_IXUSR)
    for output in ["file", "file/below"] + (["closed", "closed/below"] if os.getuid() else []):
        done = certify(profile, "--output", output)
        assert done.returncode == 2, done.stderr
        assert f"nothing can be written to {output}" in done.stderr
        assert "--output" in done.stderr


def test_two_runs_in_one_second_have_folders_of_their_own(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """And `latest` names the newest; a name of other letters makes a folder all the same."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, name="Ünï/../Côde 😀", limits="max_requests = 4")
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "conformance", "run", profile, "--no-fuzz", "-k", "zzz", "--quiet"],
            cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [each.wait(30) for each in running] == [3, 3]

    folders = [path for path in (tmp_path / "reports").iterdir() if not path.is_symlink()]
    assert len(folders) == 2
    assert all(re.fullmatch(r"[a-z0-9-]+-withdraws-\d{8}T\d{6}Z(-\d)?", path.name) for path in folders)
    assert (tmp_path / "reports" / "latest").resolve() in [path.resolve() for path in folders]
