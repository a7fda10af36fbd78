"""No secret of a profile is in anything that a run prints or keeps, whatever the target sends back.

The target here is as indiscreet as can be: it echoes each request whole, in every spelling, and answers so that
nearly all checks fail.
"""

import base64
import contextlib
import gzip
import html
import itertools
import json
import quopri
import re
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus
from uuid import uuid4

import pytest

from conformance.contracts import contract
from conformance.demo import variable
from tests.support import TERMINAL, command, environment, reply_with, serving, write_profile

# Some of each kind, with credentials as documented, altered, of others and none: a whole run shows the same, and takes
# its time over what is echoed.
CHECKS = {
    "withdraws": "refusal_tells or another_spelling or leading_zeros or merchants_secret or unknown_id or fuzz",
    "payout-intents": "nearly_right or fuzz",
}
ODD = {
    "punctuation": "{}-a\"b'c\\d%41+e/f=g&h<i>j~0123456789",
    "wide": "{}-пароль-ünïcode-€uro-😀-0123456789",
}


# Ways to spell that nobody needs; each answer shows one of them.
ODD_WAYS = itertools.cycle(
    [
        ("upper", str.upper),
        ("every byte", lambda said: "".join(f"%{byte:02x}" for byte in said.encode())),
        ("every character", lambda said: "".join(f"&#{ord(char)};" for char in said)),
        ("codes", lambda said: said.encode("unicode-escape").decode()),
        ("mail", lambda said: base64.encodebytes(said.encode()).decode()),
        ("bytes", lambda said: list(said.encode())),
        ("hex with colons", lambda said: said.encode().hex(":")),
        ("base64 twice", lambda said: base64.b64encode(base64.b64encode(said.encode())).decode()),
        ("quoted-printable", lambda said: quopri.encodestring(said.encode()).decode()),
        ("gzip", lambda said: base64.b64encode(gzip.compress(said.encode())).decode()),
    ]
)
# The signatures that the target was sent; none of them is for anybody else to see.
EARLIER = [""]


def echo(peer: socket.socket, request: bytes, statuses: Iterator[int]) -> None:
    """Answers with all that was sent, spelled in every way."""
    head, _, body = request.partition(b"\r\n\r\n")
    pairs = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line]
    text = request.decode("utf-8", "replace")
    spoken = {name.decode(): value.decode("utf-8", "replace") for name, value in pairs}
    decoded = ""
    if "Authorization" in spoken:
        raw = spoken["Authorization"].rpartition(" ")[2]
        try:
            decoded = base64.b64decode(raw + "==").decode("utf-8", "replace")
        except ValueError:
            decoded = raw
    said = " ".join([*spoken.values(), decoded])
    answer = {
        "success": False,
        "status": "paid",
        "error": {"code": "ECHO", "message": f"you said {said} and {decoded}", "user": decoded.split(":")},
        "failure_message": said,
        "raw": text,
        "headers": spoken,
        "nested": json.dumps({"headers": spoken, "decoded": decoded}),
        "base64": base64.b64encode(request).decode(),
        "base64 of values": [base64.b64encode(value.encode()).decode() for value in spoken.values()],
        "url": [quote(said, safe=""), quote(said), quote_plus(said), quote(quote(said, safe=""), safe="")],
        "html": html.escape(said),
        "hex": said.encode().hex(),
        "repr": repr(said),
        "body": body.decode("utf-8", "replace"),
        # As another request of the run had it: nothing that this one carried.
        "earlier": EARLIER[-1:],
    }
    EARLIER.append(spoken.get("X-Signature", ""))
    name, spell = next(ODD_WAYS)
    answer[name] = spell(said)
    # Long texts are cut when they are quoted: what is cut may be half of a secret.
    answer |= {f"pad{number}": "." * number + said for number in range(100 + next(statuses) % 20, 260, 50)}
    lines = ["Content-Type: application/json", f"X-Echo-Base64: {base64.b64encode(said.encode()).decode()}"]
    lines += [f"X-Echo-{name}: {value}" for name, value in spoken.items()] + [f"X-Echo-Basic: {decoded}"]
    lines += [f"Location: https://elsewhere.test/?said={quote(said)}", f"Set-Cookie: said={quote(said)}"]
    lines += ["Connection: keep-alive", f"ETag: {EARLIER[-1]}"]
    lines = [re.sub(r"[\x00-\x1f]", "?", line) for line in lines]
    payload = json.dumps(answer, ensure_ascii=next(statuses) % 2 == 0).encode()
    status = next(statuses)
    if status < 0:
        # No HTTP at all: what comes is told of in an error.
        peer.sendall(
            (said.encode() if status == -1 else b"HTTP/1.1 200 OK\r\nno colon " + said.encode()) + b"\r\n\r\n"
        )
        raise ConnectionAbortedError
    if status == 599:
        # Split over chunks, a byte each.
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in payload)
        head = "\r\n".join(["HTTP/1.1 409 Echo", *lines, "Transfer-Encoding: chunked", "", ""])
        peer.sendall(head.encode() + chunks + b"0\r\n\r\n")
        return
    peer.sendall(reply_with(payload, status=f"{status} Echo", headers="\r\n".join(lines)))


def spelled(secret: str) -> set[bytes]:
    """How a secret may stand in a file."""
    texts = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        html.escape(secret),
        html.escape(json.dumps(secret)[1:-1]),
        repr(secret)[1:-1],
        secret.encode().hex(),
        secret.encode().hex(":"),
        json.dumps(list(secret.encode()))[1:-1],
        secret.encode().decode("latin-1"),
        base64.b64encode(secret.encode()).decode().rstrip("=")[:-1],
    }
    return {text.encode() for text in texts}


def uncovered(data: bytes) -> bytes:
    """The data with everything in it that may be base64 decoded behind it, at each alignment."""
    found = [data]
    for token in set(re.findall(rb"[A-Za-z0-9+/_-]{12,}", data)):
        plain = token.replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = plain[start:]
            once = base64.b64decode(part[: len(part) // 4 * 4])
            found.append(once)
            # Base64 of base64, and compressed texts.
            if re.fullmatch(rb"[A-Za-z0-9+/]{12,}=*", once):
                found.append(base64.b64decode(once[: len(once) // 4 * 4]))
            if once.startswith(b"\x1f\x8b\x08"):
                with contextlib.suppress(zlib.error):
                    found.append(zlib.decompressobj(wbits=31).decompress(once))
    return b"\n".join(found)


@pytest.mark.parametrize(
    ("api", "kind"),
    [("withdraws", "wide"), ("payout-intents", "punctuation")],
)
def test_no_secret_is_kept_or_printed(tmp_path: Path, api: str, kind: str) -> None:
    """No file of the run and no output holds a secret, ordinary or unusual."""
    owners = ("primary", "other_merchant") + (("other_environment",) if api == "payout-intents" else ())
    names = {
        variable(api, owner, item): f"{owner[:7]}{number}"
        for owner in owners
        for number, item in enumerate(contract(api).authentication.fields)
    }
    secrets = {name: ODD[kind].format(mark) for name, mark in names.items()}
    ids = {
        status: [str(uuid4()) for _ in range(40)]
        for status in ("pending", "processing", "paid", "failed", "canceled")
    }
    if api == "payout-intents":
        ids = {
            status: [str(uuid4()) for _ in range(40)]
            for status in ("requires_approval", "processing", "cancelled", "paid")
        }
    tables = "[states.ids]\n" + "".join(f"{status} = {json.dumps(pool)}\n" for status, pool in ids.items())
    states = (TERMINAL.replace(', "failed"', "") + "\n" if api == "payout-intents" else "") + tables
    statuses = itertools.cycle(
        [200, 400, 404, 401, 202, 500, 422, 409, 302, 418, 200, 599, 400, -1, 404, -2, 401]
    )
    del EARLIER[1:]

    with serving(lambda peer, request: echo(peer, request, statuses), keep=True) as server:
        profile = write_profile(
            tmp_path, api, server.url, states=states, owners=owners, capabilities="cancel_processing = true"
        )
        done = command(
            "run", profile, "--insist", "-n", "2", "--fuzz-examples", "1", "-k", CHECKS[api],
            cwd=tmp_path, env=environment(**secrets),
        )  # fmt: skip

    assert done.returncode == 1, done.stdout[-3000:] + done.stderr
    folder = (tmp_path / "reports" / "latest").resolve()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert json.loads((folder / "run.json").read_text())["fuzz"]["cases"] > 30
    assert len(files) > 60, "Allure's results are among them"
    assert len(server.requests) > 70
    kept = {
        "stdout": done.stdout.encode(),
        "stderr": done.stderr.encode(),
        **{str(path): path.read_bytes() for path in files},
    }
    assert b"[redacted" in b"".join(kept.values())

    # A credential that a check altered still has most of the secret in it; and where not even that stands, the whole
    # doesn't, whose form begins with it.
    forms = {}
    for name, secret in secrets.items():
        most = spelled(secret[: len(secret) * 2 // 3])
        whole = {form for form in spelled(secret) if not any(one in form for one in most)}
        forms[name] = most | whole
    leaks = []
    for where, data in kept.items():
        everything = uncovered(data)
        leaks += [
            (where.rpartition("/")[2], name, form)
            for name, own in forms.items()
            for form in own
            if form in everything
        ]
    assert not leaks, leaks[:5]
    signatures = {signature.removeprefix("sha256=") for signature in EARLIER if len(signature) > 70}
    assert len(signatures) > (50 if api == "withdraws" else -1)
    found = {one for data in kept.values() for one in re.findall(rb"[0-9a-f]{64}", data)}
    assert not found & {one.encode() for one in signatures}
    # Every part that tells them apart is gone too, so that none was cut in the middle before it could be known.
    tails = [secret[-20:] for secret in secrets.values()]
    assert not [where for where, data in kept.items() for tail in tails if tail.encode() in data]


def test_a_secret_in_the_url_of_the_state_provider_is_one_too(tmp_path: Path) -> None:
    """`${TOKEN}` in states.url is a secret, which a talkative endpoint echoes."""
    token = "tok-e%2Fn 0123456789".replace(" ", "+")

    def answer(peer: socket.socket, request: bytes) -> None:
        line = request.split(b"\r\n")[0]
        peer.sendall(reply_with(b"x" * 150 + line + b" is what you sent", status="500 No"))

    with serving(answer, keep=True) as server:
        profile = write_profile(
            tmp_path,
            "withdraws",
            server.url,
            states=f'url = "{server.url}/states?key=${{TOKEN}}"',
            owners=("primary",),
        )
        done = command(
            "run",
            profile,
            "--insist",
            "--no-fuzz",
            "-k",
            "matrix",
            cwd=tmp_path,
            env=environment(TOKEN=token),
        )

    assert done.returncode == 3, done.stdout + done.stderr
    assert any(b"/states?key=tok-e%2Fn+0123456789 HTTP/1.1" in request for request in server.requests)
    kept = [
        path.read_bytes() for path in (tmp_path / "reports" / "latest").resolve().rglob("*") if path.is_file()
    ]
    everything = done.stdout.encode() + done.stderr.encode() + b"".join(kept)
    assert b"tok-e" not in everything
    assert b"the state source answers 500" in everything
