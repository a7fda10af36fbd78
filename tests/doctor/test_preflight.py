"""The preflight of every run: it stops our mistakes, and lets every target that is merely broken be judged."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import catalogue, demo
from conformance.doctor import preflight as module
from conformance.doctor.preflight import preflight
from conformance.errors import ConformanceError, NotReady, ProfileError, TransportError
from conformance.profile import Profile, load
from conformance.sandbox import Sandbox, list_defects
from tests.doctor.support import ENVELOPE
from tests.support import (
    CREDENTIAL_ENV,
    Handler,
    SandboxProcess,
    always,
    certify,
    environment,
    outcomes,
    reply_with,
    serving,
    write_profile,
)

APIS = catalogue.apis()
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form></form></body></html>"
NGINX = b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>nginx</body></html>"
UNAUTHORIZED = b'{"success": false, "error": {"code": "UNAUTHORIZED", "message": "no"}}'
HTML = "Content-Type: text/html"


@pytest.fixture(autouse=True)
def _no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for connections to close is for the tests of that."""
    monkeypatch.setattr(module, "_MOMENT_S", 0.0)


@pytest.fixture(scope="module")
def target() -> Iterator[Sandbox]:
    """A sandbox in this process, bent by each test."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def profiles(target: Sandbox, tmp_path: Path) -> dict[str, Profile]:
    """Profiles of the sandbox, by API."""
    target.configure(defects=[], variants={})
    return {path.stem: load(path, CREDENTIAL_ENV) for path in demo.profiles(target.url, tmp_path, {})}


def stopped(profile: Profile, folder: Path, *, insist: bool = False) -> ConformanceError | None:
    """Returns the error of the preflight, None where the run may go on."""
    try:
        preflight(profile, folder, insist=insist)
    except ConformanceError as fault:
        return fault
    return None


def at(url: str, tmp_path: Path, api: str = "withdraws", states: str = "", **more: str) -> Profile:
    """A profile of the target at `url`."""
    return load(write_profile(tmp_path, api, url, states=states, **more), {**CREDENTIAL_ENV, **os.environ})  # type: ignore[arg-type]


# -- fairness --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_every_defect_is_let_through_to_be_judged(
    target: Sandbox, profiles: dict[str, Profile], tmp_path: Path, api: str
) -> None:
    """Every defect passes the preflight: a broken implementation is judged by the run."""
    refused = {}
    for defect in list_defects(api):
        target.configure(defects=[defect.id])
        fault = stopped(profiles[api], tmp_path / defect.id)
        if fault is not None:
            refused[defect.id] = fault.message
    assert refused == {}


@pytest.mark.parametrize(
    "variants",
    [
        {"unknown_route": "flask"},
        {"unknown_route": "spring", "auth_status": 403},
        {"keep_alive": False, "chunked": True},
        {"clock_skew_s": 3600, "freshness": False},
        {"clock_skew_s": -60},
        {"header_case": "odd", "pretty": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("api", APIS)
def test_an_honest_target_is_let_through(
    target: Sandbox, profiles: dict[str, Profile], tmp_path: Path, api: str, variants: dict[str, object]
) -> None:
    """Every honest variant passes the preflight; a wrong clock without consequences isn't reported."""
    target.configure(variants=variants)
    assert stopped(profiles[api], tmp_path / "run") is None


@pytest.mark.parametrize("api", APIS)
def test_an_honest_target_gets_few_requests(
    target: Sandbox, profiles: dict[str, Profile], tmp_path: Path, api: str
) -> None:
    """Three, one for every other pair, and a read of a resource in each state; the quickest answer is the latency."""
    before = target.requests
    took = preflight(profiles[api], tmp_path / "run")

    others = len(profiles[api].credentials) - 1
    states = {"withdraws": 5, "payout-intents": 5}[api]
    assert target.requests - before == 3 + others + states + others
    assert 0 < took < 5


@pytest.mark.parametrize(
    "answer",
    [
        reply_with(
            b'{"success": false, "error": {"code": "INTERNAL", "message": "x"}}', "500 Internal Server Error"
        ),
        reply_with(b'{"success": true, "data": null}'),
        reply_with(b"null"),
        reply_with(ENVELOPE, "404 Not Found", HTML),
        reply_with(ENVELOPE, "301 Moved Permanently", "Location: /api/v1/withdraws/x/cancel/"),
        reply_with(ENVELOPE, "308 Permanent Redirect", "Location: http://[bad"),
    ],
    ids=["500", "success", "null", "labelled html", "slash", "no URL"],
)
def test_a_broken_target_is_let_through(tmp_path: Path, answer: bytes) -> None:
    """A broken target passes the preflight, because it answers like an API."""
    with serving(always(answer)) as server:
        assert stopped(at(server.url, tmp_path), tmp_path / "run") is None


def test_one_error_page_for_everything_unknown_is_let_through(tmp_path: Path) -> None:
    """A framework's 404 page for unknown ids and unknown paths alike, before it looks at credentials: it is bad, but
    there are withdraws."""
    from json import dumps

    made = dumps({"id": "a-withdraw"}).encode()

    def answer(peer: object, request: bytes) -> None:
        if b"/_states" in request:
            said = reply_with(made)
        elif b"/withdraws/a-withdraw/cancel" in request:
            said = reply_with(ENVELOPE, "400 Bad Request")
        else:
            said = reply_with(NGINX, "404 Not Found", HTML)
        peer.sendall(said)  # type: ignore[attr-defined]

    with serving(answer) as server:
        profile = at(server.url, tmp_path, states=f'url = "{server.url}/_states"')
        assert stopped(profile, tmp_path / "run") is None
    assert any(b'"status": "canceled"' in one for one in server.requests), (
        "only what is canceled is looked at"
    )


# -- mistakes of ours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply_with(PAGE, headers=HTML), "a web page says that all is well (200, text/html: 'Sign in')"),
        (
            reply_with(b"", "302 Found", "Location: https://login.example/?next=x"),
            "redirects to https://login.example/",
        ),
        (reply_with(b"", "302 Found", "Location: /account/login"), "/account/login"),
        (reply_with(PAGE, "511 Network Authentication Required", HTML), "log in first"),
        (reply_with(b"", "407 Proxy Authentication Required"), "a proxy stands between"),
        (reply_with(NGINX, "404 Not Found", HTML), "'404 Not Found'"),
        (reply_with(b'{"message": "no Route matched"}', "404 Not Found"), "no Route matched"),
        (reply_with(b'{"error": {"code": "ROUTE_NOT_FOUND"}}', "404 Not Found"), "ROUTE_NOT_FOUND"),
        (reply_with(b"it works", headers="Content-Type: text/plain"), "it works"),
    ],
    ids=["login", "sso", "redirect", "captive", "proxy", "nginx", "kong", "envelope", "text"],
)
@pytest.mark.parametrize("api", APIS)
def test_what_is_no_api_is_named_and_not_accused(tmp_path: Path, api: str, answer: bytes, says: str) -> None:
    """Exit 4, with what came and what to look at; whoever insists gets it judged."""
    with serving(always(answer)) as server:
        profile = at(server.url, tmp_path, api)
        fault = stopped(profile, tmp_path / "run")
        assert stopped(profile, tmp_path / "run", insist=True) is None

    assert isinstance(fault, NotReady)
    assert fault.exit_code == 4
    assert says in fault.message
    assert "target.base_url" in fault.hint or "terms" in fault.hint
    assert "--insist" in fault.hint


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("page", ["json", "express"])
def test_a_wrong_prefix_is_noticed(
    target: Sandbox, profiles: dict[str, Profile], tmp_path: Path, api: str, page: str
) -> None:
    """The target is right and the path isn't, whoever answers for unknown paths."""
    target.configure(variants={"unknown_route": page})
    states = f'url = "{target.states_url}"'
    fault = stopped(at(target.url + "/v9", tmp_path, api, states), tmp_path / "run")

    assert isinstance(fault, NotReady)
    assert "Check the path of target.base_url" in fault.hint


@pytest.mark.parametrize("api", APIS)
def test_a_wrong_secret_is_ours_to_mend(
    target: Sandbox, profiles: dict[str, Profile], tmp_path: Path, api: str
) -> None:
    """Exit 2, and which variables; no part of their values."""
    names = {"withdraws": "SANDBOX_API_SECRET", "payout-intents": "SANDBOX_SECRET_KEY"}
    path = write_profile(tmp_path, api, target.url)
    fault = stopped(load(path, {**CREDENTIAL_ENV, names[api]: "not-the-secret"}), tmp_path / "run")

    assert isinstance(fault, ProfileError)
    assert fault.exit_code == 2
    assert "refuses [credentials.primary]: 401" in fault.message
    assert names[api] in fault.hint
    assert "not-the-secret" not in fault.message + fault.hint


@pytest.mark.parametrize(
    "body", [UNAUTHORIZED, b'{"message": "Unauthorized"}', b""], ids=["envelope", "other", "none"]
)
@pytest.mark.parametrize("api", APIS)
def test_a_refusal_is_about_credentials_however_it_is_put(tmp_path: Path, api: str, body: bytes) -> None:
    """A 400 to malformed credentials isn't taken for acceptance, where the target checks their form first."""

    def answer(peer: socket.socket, request: bytes) -> None:
        well_formed = b": sha256=" in request or b": Basic " in request
        peer.sendall(reply_with(body, "401 Unauthorized" if well_formed else "400 Bad Request"))

    with serving(answer) as server:
        fault = stopped(at(server.url, tmp_path, api), tmp_path / "run")
    assert isinstance(fault, ProfileError)
    assert "refuses [credentials.primary]: 401" in fault.message


def test_a_target_that_refuses_everybody_can_be_judged_if_one_insists(tmp_path: Path) -> None:
    """A target that refuses all credentials ends the run as a wrong secret would; with --insist the run fails it."""
    with serving(always(reply_with(UNAUTHORIZED, "401 Unauthorized")), keep=True) as server:
        path = write_profile(tmp_path, "withdraws", server.url, states="")
        fault = stopped(load(path, CREDENTIAL_ENV), tmp_path / "run")
        judged = certify(path, "-k", "unknown", "--insist")

    assert isinstance(fault, ProfileError)
    assert "run --insist" in fault.hint
    assert judged.returncode == 1, judged.stdout + judged.stderr
    assert outcomes(tmp_path)["WD-11"] == "failed"


def test_a_clock_that_the_target_minds_is_named(tmp_path: Path) -> None:
    """Timestamps of our clock are refused, those of the target's are taken."""
    import re
    import time
    from email.utils import formatdate

    ahead = 3600

    def answer(peer: object, request: bytes) -> None:
        found = re.search(rb"(?i)x-timestamp: (\d+)", request)
        there = time.time() + ahead
        fresh = found is not None and abs(int(found[1]) / 1000 - there) < 300
        body, status = (ENVELOPE, "404 Not Found") if fresh else (UNAUTHORIZED, "401 Unauthorized")
        date = f"Content-Type: application/json\r\nDate: {formatdate(there, usegmt=True)}"
        peer.sendall(reply_with(body, status, date))  # type: ignore[attr-defined]

    with serving(answer) as server:
        fault = stopped(at(server.url, tmp_path, owners=("primary",)), tmp_path / "run")  # type: ignore[arg-type]

    assert isinstance(fault, ProfileError)
    assert "3600 s ahead of this machine's" in fault.message or "3599 s ahead" in fault.message
    assert "clock" in fault.hint


def test_no_answer_is_still_told_as_such(tmp_path: Path) -> None:
    """A target without an answer is reported as unreachable, and no folder of the run is left."""

    def hang_up(peer: object, _: bytes) -> None:
        peer.close()  # type: ignore[attr-defined]

    handler: Handler = hang_up
    with serving(handler) as server:
        fault = stopped(at(server.url, tmp_path), tmp_path / "run")
    assert isinstance(fault, TransportError)
    assert "gives no answer" in fault.message


def test_a_certificate_variable_that_names_nothing(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Our configuration, so exit 2, before anything is sent."""
    path = write_profile(tmp_path, "withdraws", sandbox.url.replace("http:", "https:"))
    done = certify(path, env=environment(SSL_CERT_FILE="/no/such/ca.pem"))

    assert done.returncode == 2, done.stderr
    assert "SSL_CERT_FILE is /no/such/ca.pem" in done.stderr
