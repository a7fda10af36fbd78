"""Targets that have misread a document let the right credentials in somehow: they are judged, and not our profile."""

import base64
import hashlib
import hmac
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.doctor.examine import examine
from conformance.doctor.finding import State
from conformance.doctor.preflight import preflight
from conformance.errors import ProfileError
from conformance.profile import load
from conformance.sandbox import CREDENTIALS
from tests.support import CREDENTIAL_ENV, reply_with, serving, write_profile

REFUSED = b'{"success": false, "error": {"code": "UNAUTHORIZED", "message": "no"}}'
UNKNOWN = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no"}}'
SECRET = CREDENTIAL_ENV["SANDBOX_API_SECRET"].encode()
BASIC = f"{CREDENTIAL_ENV['SANDBOX_PUBLIC_KEY']}:{CREDENTIAL_ENV['SANDBOX_SECRET_KEY']}".encode()
Expected = Callable[[str, str], str]


def digest(message: str, kind: str = "sha256", secret: bytes = SECRET) -> bytes:
    """An HMAC."""
    return hmac.new(secret, message.encode(), kind).digest()


# Timestamp and path -> the signature that such a target expects.
MISREAD: dict[str, Expected] = {
    "base64": lambda stamp, path: base64.b64encode(digest(f"{stamp}.")).decode(),
    "base64_behind_the_prefix": lambda stamp, path: (
        "sha256=" + base64.b64encode(digest(f"{stamp}.")).decode()
    ),
    "sha512": lambda stamp, path: "sha512=" + digest(f"{stamp}.", "sha512").hex(),
    "null_for_no_body": lambda stamp, path: "sha256=" + digest(f"{stamp}.null").hex(),
    "undefined_for_no_body": lambda stamp, path: "sha256=" + digest(f"{stamp}.undefined").hex(),
    "a_line_break_for_the_dot": lambda stamp, path: "sha256=" + digest(f"{stamp}\n").hex(),
    "method_and_path": lambda stamp, path: "sha256=" + digest(f"{stamp}.POST.{path}.").hex(),
    "a_hashed_secret": lambda stamp, path: (
        "sha256=" + digest(f"{stamp}.", secret=hashlib.sha256(SECRET).digest()).hex()
    ),
    "seconds_in_the_message": lambda stamp, path: "sha256=" + digest(f"{int(stamp) // 1000}.").hex(),
}


def profile_of(url: str, folder: Path, api: str) -> Path:
    """A profile of the target at `url`, with several pairs: that all of them are wrong is less likely."""
    return write_profile(folder, api, url, states="")


@pytest.mark.parametrize("how", MISREAD)
def test_a_target_that_signs_otherwise_is_let_through_to_be_judged(tmp_path: Path, how: str) -> None:
    """A target that signs otherwise than documented passes the preflight, and is judged by the run."""

    def answer(peer: socket.socket, request: bytes) -> None:
        text = request.decode("latin-1")
        found = re.search(r"X-Timestamp: (\d+)\r", text)
        wanted = MISREAD[how](found[1], text.split(" ")[1]) if found else None
        let_in = wanted is not None and f"X-Signature: {wanted}\r" in text
        peer.sendall(reply_with(UNKNOWN if let_in else REFUSED, "404 No" if let_in else "401 No"))

    with serving(answer) as server:
        path = profile_of(server.url, tmp_path, "withdraws")
        preflight(load(path, {**CREDENTIAL_ENV, **os.environ}), tmp_path / "run")
        assert len(server.requests) > 3

        with pytest.raises(ProfileError, match=r"refuses \[credentials.primary\]"):
            preflight(load(path, {**CREDENTIAL_ENV, "SANDBOX_API_SECRET": "another"}), tmp_path / "run")


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
@pytest.mark.parametrize("others_are_let_in", [False, True], ids=["the_only_pair", "beside_others"])
def test_wrong_pair_costs_few_failed_authentications(
    tmp_path: Path, api: str, others_are_let_in: bool
) -> None:
    """Five at most: more lock an account in some places. The error is the profile's, and names what tries more."""
    pair = CREDENTIALS[api]["primary"]
    mine = [*pair.values(), base64.b64encode(":".join(pair.values()).encode()).decode()]
    refused: list[bytes] = []

    def answer(peer: socket.socket, request: bytes) -> None:
        if others_are_let_in and not any(one.encode() in request for one in mine):
            peer.sendall(reply_with(UNKNOWN, "404 No"))
            return
        refused.append(request)
        peer.sendall(reply_with(REFUSED, "401 No"))

    owners = None if others_are_let_in else ("primary",)
    with serving(answer) as server:
        path = write_profile(tmp_path, api, server.url, states="", owners=owners)
        with pytest.raises(ProfileError, match=r"refuses \[credentials.primary\]: 401") as fault:
            preflight(load(path, {**CREDENTIAL_ENV, **os.environ}), tmp_path / "run")
        number = len(refused)
        found = [
            line
            for line in examine(load(path, {**CREDENTIAL_ENV, **os.environ}))
            if line.id == "credentials.primary"
        ]

    assert fault.value.exit_code == 2
    assert 0 < number <= 5
    assert ("`doctor` tries the usual other readings" in fault.value.hint) is not others_are_let_in
    assert [line.state for line in found] == [State.WRONG]
    assert others_are_let_in or len(refused) - number > 10


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(b"Authorization: Basic " + BASIC, id="not_encoded"),
        pytest.param(b"authorization: Basic " + base64.b64encode(BASIC), id="small_letters"),
        pytest.param(b"Authorization: basic " + base64.b64encode(BASIC), id="scheme_in_small_letters"),
    ],
)
def test_a_target_that_reads_basic_otherwise_is_let_through_to_be_judged(
    tmp_path: Path, expected: bytes
) -> None:
    """A target that reads Basic otherwise than RFC 7617 passes the preflight, and is judged by the run."""

    def answer(peer: socket.socket, request: bytes) -> None:
        let_in = expected + b"\r" in request
        peer.sendall(reply_with(UNKNOWN if let_in else REFUSED, "404 No" if let_in else "401 No"))

    with serving(answer) as server:
        preflight(
            load(profile_of(server.url, tmp_path, "payout-intents"), {**CREDENTIAL_ENV, **os.environ}),
            tmp_path / "run",
        )
        assert len(server.requests) > 3


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_halves_in_each_others_place_are_ours_to_mend(tmp_path: Path, api: str) -> None:
    """A target that works as documented isn't judged for a profile that has key and secret mixed up."""
    key, secret = (
        ("SANDBOX_API_KEY", "SANDBOX_API_SECRET")
        if api == "withdraws"
        else ("SANDBOX_PUBLIC_KEY", "SANDBOX_SECRET_KEY")
    )

    def answer(peer: socket.socket, request: bytes) -> None:
        text = request.decode("latin-1")
        found = re.search(r"X-Timestamp: (\d+)\r", text)
        signed = f"X-API-Key: {CREDENTIAL_ENV['SANDBOX_API_KEY']}\r" in text and found is not None
        if signed and found is not None:
            signed = f"X-Signature: sha256={digest(found[1] + '.').hex()}\r" in text
        let_in = signed or f"Authorization: Basic {base64.b64encode(BASIC).decode()}\r" in text
        peer.sendall(reply_with(UNKNOWN if let_in else REFUSED, "404 No" if let_in else "401 No"))

    mixed_up = {**CREDENTIAL_ENV, key: CREDENTIAL_ENV[secret], secret: CREDENTIAL_ENV[key]}
    with serving(answer) as server:
        path = write_profile(tmp_path, api, server.url, states="", owners=("primary",))
        preflight(load(path, CREDENTIAL_ENV), tmp_path / "run")
        with pytest.raises(ProfileError, match="change places") as fault:
            preflight(load(path, mixed_up), tmp_path / "run")

    assert f"Swap {key} and {secret}" in fault.value.hint
    assert CREDENTIAL_ENV[secret] not in fault.value.message + fault.value.hint
