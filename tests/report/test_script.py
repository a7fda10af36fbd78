"""The scripts that perform a problem's steps again, run by a real shell against a real server."""

import hashlib
import hmac
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import pytest

from conformance.model import Auth, Check, Exchange, Outcome, Problem, RunRecord, Target
from conformance.report import explain, leading, script, steps
from tests.support import PATIENCE_S

from . import sample
from .test_curl import INTENTS, SECRETS

OTHER = "660e8400-e29b-41d4-a716-446655440002"
KEY = "5b845d39-ada8-45c5-8618-212b0433db0f"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")


@dataclass
class Arrived:
    """The requests that the server received, in the order in which they ended."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


@pytest.fixture
def server() -> Iterator[tuple[str, Arrived]]:
    """A server on the loopback that answers 200 to everything, and its memory."""
    arrived = Arrived()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with arrived.lock:
                arrived.requests.append((f"{self.command} {self.path}", dict(self.headers.items()), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}", arrived
        listener.shutdown()


def performed(text: str, *arguments: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    """Runs a script as `sh repeat.sh NEW_ID` does."""
    return subprocess.run(
        [shell, "-c", text, "repeat.sh", *arguments],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **SECRETS},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def failing(sent: list[Exchange], target: Target = sample.TARGET, **more: Any) -> tuple[RunRecord, Check]:
    """A run whose one check fails, shown by the last of these requests."""
    problem = Problem("400", "200", exchange=len(sent) - 1)
    # One after the other, unless a test says when.
    if len({one.started_at for one in sent}) == 1:
        sent = [replace(one, started_at=f"2026-03-01T12:00:00.{n}00000Z") for n, one in enumerate(sent)]
    told = {"exchanges": tuple(range(len(sent))), "problem": problem, **more}
    check = sample.check("a::b", Outcome.FAILED, "WD-04", **told)
    run = sample.folded([sample.requirement("WD-04")], [check], sent)
    return replace(run, target=target), check


def whole(run: RunRecord) -> str:
    (finding,) = explain.problems(run)
    return script.whole(run, finding.script)


def signed(base: str, path: str, **more: Any) -> Exchange:
    return sample.exchange(url=f"{base}/api/v1/withdraws/{path}", **more)


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_each_step_is_signed_anew_for_the_resource_that_was_given(
    server: tuple[str, Arrived], shell: str
) -> None:
    """In order, its id in path and body, and a signature over what is sent."""
    base, arrived = server
    body = b'{"id": "%s", "note": "it\'s $HOME"}' % sample.WITHDRAW.encode()
    length = ("Content-Length", str(len(body)))
    headers = (*sample.exchange().request_headers[:3], ("Content-Type", "application/json"), length)
    run, _ = failing(
        [
            signed(base, f"{sample.WITHDRAW}/cancel", request_body=body, request_headers=headers),
            signed(base, sample.WITHDRAW, method="GET"),
        ],
        resources=((sample.WITHDRAW, "paid"),),
    )
    done = performed(whole(run), OTHER, shell=shell)
    assert done.returncode == 0, done.stderr
    assert [request for request, _, _ in arrived.requests] == [
        f"POST /api/v1/withdraws/{OTHER}/cancel",
        f"GET /api/v1/withdraws/{OTHER}",
    ]
    for _, got, sent in arrived.requests:
        message = got["X-Timestamp"].encode() + b"." + sent
        expected = hmac.new(SECRETS["ACME_API_SECRET"].encode(), message, hashlib.sha256).hexdigest()
        assert got["X-Signature"] == f"sha256={expected}"
    assert arrived.requests[0][2] == body.replace(sample.WITHDRAW.encode(), OTHER.encode())
    assert not any(secret in whole(run) for secret in SECRETS.values())


def test_without_a_resource_it_says_what_it_needs_and_sends_nothing(server: tuple[str, Arrived]) -> None:
    """As it is pasted: the function is there then, and can be called."""
    base, arrived = server
    run, _ = failing([signed(base, f"{sample.WITHDRAW}/cancel")] * 2, resources=((sample.WITHDRAW, "paid"),))
    done = performed(whole(run))
    assert done.stdout == "Now: again ID\n"
    assert "ID is needed, a paid withdraw" in performed(f"{whole(run)}\nagain").stderr
    assert arrived.requests == []
    assert performed(f"{whole(run)}\nagain {OTHER}").returncode == 0
    assert [request for request, _, _ in arrived.requests] == [f"POST /api/v1/withdraws/{OTHER}/cancel"] * 2


def test_keys_are_made_anew_and_stay_what_they_were_to_one_another(server: tuple[str, Arrived]) -> None:
    """Idempotency keys are generated anew, and equal keys stay equal; a key that is no UUID is sent as it was."""
    base, arrived = server
    keys = (KEY, KEY, KEY.upper(), "odd key")

    def sent(key: str) -> Exchange:
        headers = (
            ("Authorization", "Basic [redacted:primary.public_key:primary.secret_key]"),
            ("Idempotency-Key", key),
        )
        url = f"{base}/payout_intents/{OTHER}/cancel"
        return sample.exchange(url=url, request_headers=headers, signed=None)

    target = replace(INTENTS, base_url=base)
    run, check = failing([sent(key) for key in keys], target, resources=((OTHER, "processing"),))
    assert performed(whole(run), "new").returncode == 0
    first, second, third, fourth = (got["Idempotency-Key"] for _, got, _ in arrived.requests)
    assert UUID.fullmatch(first)
    assert first != KEY
    assert (second, third, fourth) == (first, first.upper(), "odd key")
    found = steps.steps(run, check, leading.leading_to(run, check))
    assert [step.sent for step in found.steps] == ["key KEY1", "key KEY1", "key KEY2", 'key "odd key"']


def test_requests_of_one_moment_are_sent_side_by_side(server: tuple[str, Arrived]) -> None:
    """Concurrent requests are sent in parallel, later ones wait for all of them, and pauses are kept."""
    base, arrived = server
    times = ("2026-03-01T12:00:00.000000Z", "2026-03-01T12:00:00.001000Z", "2026-03-01T12:00:02.000000Z")
    sent = [signed(base, f"{sample.WITHDRAW}/cancel", started_at=when) for when in times]
    run, check = failing(sent, resources=((sample.WITHDRAW, "pending"),))
    found = steps.steps(run, check, (0, 1, 2)).steps
    assert [(step.together, step.pause_s, step.decides) for step in found] == [
        (False, 0, False),
        (True, 0, False),
        (False, 2, True),
    ]
    text = script.script(run, check, (0, 1, 2))
    assert text.count("} &") == 2
    assert text.index("wait") < text.index("sleep 2") < text.index("3. POST")
    assert performed(whole(run).replace("sleep 2", ":"), OTHER).returncode == 0
    assert len(arrived.requests) == 3


def test_what_has_nothing_to_do_with_the_problem_is_left_out() -> None:
    """Requests about other resources; reads that were repeated; all are there where none is related."""
    mine, other = (f"https://sandbox.acme.test/api/v1/withdraws/{one}" for one in (sample.WITHDRAW, OTHER))
    about = ((sample.WITHDRAW, "paid"), (OTHER, "paid"))
    sent = [
        sample.exchange(url=f"{other}/cancel"),
        sample.exchange(url=mine, method="GET"),
        sample.exchange(url=mine, method="GET"),
        sample.refusal(url=f"{mine}/cancel"),
    ]
    run, check = failing(sent, resources=about)
    assert leading.leading_to(run, check) == (2, 3)
    # A success that is compared with no read is shown by itself.
    run, check = failing([*sent[:3], sample.exchange(url=f"{mine}/cancel")], resources=about)
    assert leading.leading_to(run, check) == (3,)
    run, check = failing([sent[0], sent[3]], resources=about)
    assert leading.leading_to(run, check) == (0, 1)
    assert [one.what for one in steps.steps(run, check, (0, 1)).resources] == ["a paid withdraw"] * 2


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({}, ""),
        ({"auth": Auth.NONE, "request_headers": ()}, "without credentials"),
        (
            {"auth": Auth.NONE, "request_headers": (("X-API-Key", "[redacted:primary.api_key]"),)},
            "without X-Timestamp, without X-Signature",
        ),
        ({"auth": Auth.ALTERED}, "with altered authentication"),
        ({"request_headers": (("X-API-Key", "[redacted:other_merchant.api_key]"),)}, "by the other merchant"),
        ({"request_body": b'{"reason": "x"}'}, 'body {"reason": "x"}'),
        ({"request_body": b'{"reason": "%s"}' % (b"x" * 512)}, 'body {"reason": 512 letters}'),
        ({"request_body": b"\xff" * 20}, "body of 20 bytes that are no UTF-8"),
        ({"request_body": b"{" * 300}, "body of 300 characters that are no JSON"),
    ],
)
def test_what_was_sent_is_told_in_words(sent: dict[str, Any], says: str) -> None:
    """A request is described by its sender, where that isn't the caller, and its body; a long text by its length."""
    body = sent.get("request_body")
    documented = (("Content-Type", "application/json"), ("Content-Length", str(len(body or b""))))
    headers = (*sample.exchange().request_headers[:3], *(documented if body else ()))
    run, check = failing([sample.exchange(**{"request_headers": headers, **sent})])
    (step,) = steps.steps(run, check, (0,)).steps
    assert step.sent == says


def test_headers_of_its_own_are_told_and_sent_again() -> None:
    """One that overrides the method, a user agent; a body without a type says so."""
    headers = (
        *sample.exchange().request_headers[:3],
        ("User-Agent", "kube-probe/1.29"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Gateway", "[redacted]"),
        ("X-User", "[redacted:other_merchant.api_key]"),
    )
    run, check = failing([sample.exchange(request_headers=headers, request_body=b"{}")])
    (step,) = steps.steps(run, check, (0,)).steps
    assert (
        step.sent == "User-Agent: kube-probe/1.29, X-HTTP-Method-Override: DELETE, "
        "X-User: the api_key of [credentials.other_merchant], body {}"
    )
    assert "-H 'User-Agent: kube-probe/1.29'" in whole(run)


def test_a_page_of_a_firewall_is_called_one() -> None:
    """An HTML 403 is no refusal of the API."""
    page = {"response_headers": (("Content-Type", "text/html"),), "response_body": b"<html>Blocked</html>"}
    run, check = failing([sample.exchange(status=403, **page)])
    (step,) = steps.steps(run, check, (0,)).steps
    assert step.answer == "403 with an HTML page, perhaps of a firewall or a proxy"


def test_variables_are_named_by_their_place_in_the_profile() -> None:
    """Those that a script reads, and nothing that it sets itself."""
    run, _ = failing([sample.exchange()])
    (finding,) = explain.problems(run)
    assert script.variables(run, [finding.script]) == {
        "ACME_API_SECRET": "api_secret of [credentials.primary]",
        "ACME_API_KEY": "api_key of [credentials.primary]",
    }
    (function,) = script.functions(run, [finding.script])
    assert function.startswith("sign() {")


def test_a_late_read_begins_with_the_cancel_of_its_resource() -> None:
    """That of another check comes first, with the time that passed; reads of other resources are left out."""
    mine, other = (f"https://sandbox.acme.test/api/v1/withdraws/{one}" for one in (sample.WITHDRAW, OTHER))
    sent = [
        sample.refusal(url=f"{mine}/cancel", started_at="2026-03-01T12:00:00Z"),
        sample.exchange(url=f"{mine}/cancel", started_at="2026-03-01T12:00:01Z"),
        sample.exchange(url=other, method="GET", started_at="2026-03-01T12:00:07Z"),
        sample.exchange(url=mine, method="GET", started_at="2026-03-01T12:00:08Z"),
    ]
    problem = Problem("a canceled withdraw to stay canceled", "a read shows paid", control=False, exchange=3)
    about = ((OTHER, "paid"), (sample.WITHDRAW, "pending"))
    late = sample.check(
        "afterwards::stays", Outcome.FAILED, "WD-01", exchanges=(2, 3), resources=about, problem=problem
    )
    run = sample.folded([sample.requirement("WD-01")], [late], sent)
    (check,) = run.checks
    assert leading.leading_to(run, check) == (1, 3)
    assert [(one.pause_s, one.decides) for one in steps.steps(run, check, (1, 3)).steps] == [
        (0, False),
        (7, True),
    ]
    read_only = replace(check, problem=replace(problem, expected="a read to show an amount"))
    assert leading.leading_to(run, read_only) == (3,)


def test_other_cases_of_an_altered_request_are_left_out() -> None:
    """Those that were refused before the one that wasn't; a request of another kind stays."""
    mine = f"https://sandbox.acme.test/api/v1/withdraws/{sample.WITHDRAW}"
    refused = sample.refusal(401, url=f"{mine}/cancel", auth=Auth.ALTERED)
    sent = [
        sample.refusal(401, url=mine, method="GET", auth=Auth.ALTERED),
        refused,
        refused,
        sample.exchange(url=f"{mine}/cancel", auth=Auth.ALTERED),
    ]
    run, check = failing(sent, resources=((sample.WITHDRAW, "pending"),))
    assert leading.leading_to(run, check) == (0, 3)


def test_a_caller_that_hung_up_does_so_again() -> None:
    """The script waits no longer than the harness did, and the read that shows what came of it is the last step."""
    mine = f"https://sandbox.acme.test/api/v1/withdraws/{sample.WITHDRAW}"
    gone = "reset: the connection broke: this end hung up, on purpose, before any answer"
    sent = [
        sample.exchange(url=f"{mine}/cancel", status=None, error=gone, response_body=b"", duration_s=0.002),
        sample.exchange(url=f"{mine}/cancel"),
        sample.exchange(url=mine, method="GET"),
    ]
    problem = Problem(
        "it to be canceled", "it isn't", control=False, exchange=1, persisted="a read shows pending"
    )
    about = ((sample.WITHDRAW, "pending"),)
    failed = sample.check(
        "hang_ups::real", Outcome.FAILED, "WD-01", exchanges=(0, 1, 2), resources=about, problem=problem
    )
    run = sample.folded([sample.requirement("WD-01")], [failed], sent)
    (check,) = run.checks
    led = leading.leading_to(run, check)
    assert led == (0, 1, 2)
    assert "--max-time 0.05 " in script.script(run, check, led)
    assert steps.steps(run, check, led).steps[0].answer == "hung up before the answer"


@pytest.mark.parametrize(
    ("kept", "made", "stamp"),
    [
        ("sha256=[redacted:signature]0", 'sha256=${SIG}0"', "TS=$(date"),
        ("sha256=[redacted:signature-2]", 'sha256=${SIG%??}"', "TS=$(date"),
        ("[redacted]", "X-Signature: sha256=$SIG", '"not-$ACME_API_SECRET"'),
    ],
)
def test_an_altered_signature_is_made_from_a_fresh_one(kept: str, made: str, stamp: str) -> None:
    """At the present time; one that isn't on record, with a wrong secret."""
    headers = (*sample.exchange().request_headers[:2], ("X-Signature", kept))
    run, check = failing([sample.exchange(auth=Auth.ALTERED, request_headers=headers)])
    text = script.script(run, check, (0,))
    assert made in text
    assert stamp in text


@pytest.mark.parametrize(
    ("fault", "made"),
    [
        (
            "A cancel with the JSON body {} that its signature doesn't cover was accepted (200)",
            'SIG=$(sign "$TS" "$ACME_API_SECRET" </dev/null)',
        ),
        ("A cancel signed with another secret was accepted (200)", '| sign "$TS" "not-$ACME_API_SECRET")'),
        (
            "A cancel with the digits of its signature in reverse was accepted (200)",
            '| sign "$TS" "not-$ACME_API_SECRET")',
        ),
    ],
)
def test_a_forgery_of_the_same_kind_stands_for_one_that_records_do_not_keep(fault: str, made: str) -> None:
    """Where the words of the check tell the kind; otherwise the script says that `replay` sends it."""
    headers = (*sample.exchange().request_headers[:2], ("X-Signature", "[redacted]"))
    sent = sample.exchange(auth=Auth.ALTERED, request_headers=headers, request_body=b"{}")
    run, check = failing([sent], problem=Problem("a 4xx", "200", exchange=0, fault=fault))
    text = script.script(run, check, (0,))
    assert made in text
    assert "replay sends" in text or "signed without the body" in text


def test_requests_beside_the_deciding_one_are_steps() -> None:
    """Those to the same resource that were recorded later; the deciding one is the last."""
    mine = f"https://sandbox.acme.test/api/v1/withdraws/{sample.WITHDRAW}/cancel"
    sent = [
        sample.exchange(url=mine, started_at=f"2026-03-01T12:00:0{start}Z", duration_s=1.0)
        for start in ("0.0", "0.1", "0.2", "5.0")
    ]
    problem = Problem("one of them to succeed", "all did", control=False, exchange=0)
    failed = sample.check(
        "races::one",
        Outcome.FAILED,
        "WD-01",
        exchanges=(0, 1, 2, 3),
        resources=((sample.WITHDRAW, "pending"),),
        problem=problem,
    )
    run = sample.folded([sample.requirement("WD-01")], [failed], sent)
    assert leading.leading_to(run, run.checks[0]) == (1, 2, 0)
