"""Writes specs/formats/hmac-vectors.json.

The signatures come from openssl and from Node, which have to agree. Python computes none of them: the harness
and its sandbox are written in Python, and the vectors are there to judge both.

Run by hand after changing CASES: `python tests/specs/make_vectors.py`.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parents[1] / "specs" / "formats" / "hmac-vectors.json"

NOW = "1767225600000"
PLAIN = "correct-horse-battery-staple"
ORDER = b'{"reason":"duplicate_request","order":12345}'

# name, what it is good for, timestamp, secret, body
CASES: list[tuple[str, str, str, str, bytes]] = [
    ("empty body", "What a cancellation sends.", NOW, PLAIN, b""),
    ("empty body, a millisecond later", "One digit changes everything.", "1767225600001", PLAIN, b""),
    ("timestamp in seconds", "Signed as sent, whatever its unit.", "1767225600", PLAIN, b""),
    ("timestamp zero", "The shortest timestamp.", "0", PLAIN, b""),
    (
        "timestamp with leading zeros",
        "A timestamp is text: no number survives this.",
        "0001767225600000",
        PLAIN,
        b"",
    ),
    ("timestamp with 19 digits", "More than a double can hold.", "1767225600000000001", PLAIN, b""),
    ("negative timestamp", "A sign is part of the text.", "-1", PLAIN, b""),
    ("ASCII JSON", "The usual body.", NOW, PLAIN, ORDER),
    (
        "JSON with spaces",
        "Bytes are signed, not meaning.",
        NOW,
        PLAIN,
        b'{ "order": 12345, "reason": "duplicate_request" }',
    ),
    ("JSON with a newline at its end", "Nothing is trimmed.", NOW, PLAIN, ORDER + b"\n"),
    ("JSON with CR LF at its end", "Newlines are not converted.", NOW, PLAIN, ORDER + b"\r\n"),
    ("JSON with a number that floats change", "Nothing is parsed.", NOW, PLAIN, b'{"amount":1000.00}'),
    ("JSON with duplicate keys", "Nothing is parsed.", NOW, PLAIN, b'{"a":1,"a":2}'),
    ("JSON with an escaped letter", "The escape stays one.", NOW, PLAIN, b'{"name":"Zo\\u00eb"}'),
    ("the same letter as UTF-8", "Two bytes.", NOW, PLAIN, '{"name":"Zo\u00eb"}'.encode()),
    ("the same letter decomposed", "No normalisation.", NOW, PLAIN, '{"name":"Zoe\u0308"}'.encode()),
    ("Thai", "Three bytes a letter.", NOW, PLAIN, "\u0e22\u0e01\u0e40\u0e25\u0e34\u0e01".encode()),
    ("emoji", "Four bytes, and a joiner.", NOW, PLAIN, "\U0001f469\u200d\U0001f4bb \U0001f4b8".encode()),
    ("byte order mark", "It counts.", NOW, PLAIN, b"\xef\xbb\xbf{}"),
    ("one dot", "The separator within the body.", NOW, PLAIN, b"."),
    ("one newline", "The shortest text body.", NOW, PLAIN, b"\n"),
    ("one NUL", "C strings end here.", NOW, PLAIN, b"\x00"),
    ("NULs around text", "C strings end too early here.", NOW, PLAIN, b"\x00a\x00b\x00"),
    ("not UTF-8", "No decoding.", NOW, PLAIN, b"\xff\xfe\xc3\x28\x80"),
    ("all byte values", "Every byte once.", NOW, PLAIN, bytes(range(256))),
    ("ten kilobytes", "Longer than most read buffers.", NOW, PLAIN, b"0123456789abcdef" * 640),
    ("HTML characters", "No escaping.", NOW, PLAIN, b"<b>&amp;</b> \"quoted\" 'too' 100%"),
    ("secret of one character", "The shortest key.", NOW, "k", ORDER),
    ("secret of 63 bytes", "Just below the block of SHA-256.", NOW, "a" * 63, ORDER),
    ("secret of 64 bytes", "Exactly one block.", NOW, "a" * 64, ORDER),
    ("secret of 65 bytes", "Longer than a block: hashed first.", NOW, "a" * 65, ORDER),
    ("secret of 200 bytes", "Much longer than a block.", NOW, "0123456789" * 20, b""),
    ("secret in UTF-8", "Keys are bytes.", NOW, "s\u00e9cr\u00e8t-\u0e25\u0e31\u0e1a-\U0001f511", ORDER),
    ("secret of 36 letters, 72 bytes", "A block is counted in bytes.", NOW, "\u00e9" * 36, ORDER),
    ("secret with shell characters", "Nothing is expanded.", NOW, "pa$$word$HOME${USER}`id`\\n!%s", ORDER),
    ("secret with quotes", "Nothing is unquoted.", NOW, "\"double\" and 'single'", ORDER),
    ("secret with outer spaces", "Nothing is trimmed.", NOW, "  padded  ", ORDER),
    ("secret that looks like hex", "Used as text, not decoded.", NOW, "deadbeef" * 8, ORDER),
    ("secret that looks like base64", "Used as text, not decoded.", NOW, "c2VjcmV0LWtleQ==", ORDER),
    ("secret with a colon", "Nothing is split.", NOW, "left:right", b""),
]


def lines(cases: list[tuple[str, str, bytes]]) -> str:
    """The input of both tools: a line with timestamp, secret and body for each case."""
    return "".join(
        f"{secret.encode().hex()} {timestamp} {base64.b64encode(body).decode() or '-'}\n"
        for timestamp, secret, body in cases
    )


def printable(body: bytes) -> str | None:
    """The body as text if it is short and shows in a JSON file what it is, otherwise None."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    plain = all(c.isprintable() or c in "\r\n\u200d" for c in text)
    return text if plain and len(text) <= 200 else None


def run(command: list[str], given: str = "") -> list[str]:
    """The lines that the command prints."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=600)
    return done.stdout.splitlines()


def main() -> None:
    """Writes the file; fails if the tools disagree."""
    given = lines([case[2:] for case in CASES])
    signatures = run(["sh", str(HERE / "vectors_openssl.sh")], given)
    if signatures != run(["node", str(HERE / "vectors_node.mjs")], given):
        sys.exit("openssl and node disagree")
    vectors = []
    for (name, purpose, timestamp, secret, body), signature in zip(CASES, signatures, strict=True):
        vector = {"name": name, "purpose": purpose, "timestamp": timestamp, "secret": secret}
        text = printable(body)
        if text is not None:
            vector["body_text"] = text
        vectors.append(vector | {"body_base64": base64.b64encode(body).decode(), "signature": signature})
    document = {
        "format": "payout-conformance/hmac-vectors/1",
        "description": "signature is the value of X-Signature: sha256= and the lower-case hex HMAC-SHA256, "
        "keyed with the UTF-8 bytes of secret, of timestamp, one dot, and the bytes of the body.",
        "computed_by": [
            {"tool": "openssl", "version": run(["openssl", "version"])[0].split()[1]},
            {"tool": "node:crypto", "version": run(["node", "--version"])[0].removeprefix("v")},
        ],
        "vectors": vectors,
    }
    OUTPUT.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
