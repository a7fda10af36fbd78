"""Disclosure of internals in an answer: stack traces, SQL, file paths, HTML. Suites and fuzzing search by these.

Each pattern needs more than a word that an honest message might well hold: a price list may say "SELECT", an address
"at Cafe (open until 22:30)", a link "/app/guides". Every repetition is bounded, for hostile answers are searched too.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from conformance.http.reply import Reply

PAGE = "HTML"
_PATH = "a file path"
# In JSON that isn't parsed, a quote stands behind a backslash, and names of tables behind quotes of some kind.
_NAME = r"\s+[\\\"`\[]{0,3}[a-z_]"
_PATTERNS = {
    "a stack trace": re.compile(
        r"Traceback \(most recent call last\)"
        r"|File \\?\"[^\"\n]{1,200}\", line \d+"
        # V8, the JVM, .NET: `at name(place:line)`, the place a file with an ending or one with a column.
        r"|^[ \t]{1,99}at (?:async |new )?[\w$.<>]{1,200} ?\([^()\n]{0,300}(?:\.\w{1,6}:\d+|[^\d()\n]:\d+:\d+)\)"
        r"|^[ \t]{1,99}at [^\s()]{0,300}\.\w{1,6}:\d+:\d+$"
        r"|\bat [\w$.]{1,200}\([\w.]{1,200}\.(?:java|kt|scala):\d+\)|\.(?:cs|vb):line \d+"
        r"|Exception in thread \\?\"|\bgoroutine \d+ \[|\.rb:\d+:in |#\d+ /\S{1,300}\.php\(\d+\)"
        r"|thread '[^'\n]{1,99}' (?:\(\d+\) )?panicked at ",
        re.MULTILINE,
    ),
    # Key words in capitals and names that aren't: a description may be all in capitals. Each branch begins with a
    # letter, which makes searching a megabyte a short affair.
    "SQL": re.compile(
        rf"SELECT\b.{{1,200}}?\bFROM{_NAME}|SELECT\b.{{1,200}}\bFROM\b.{{1,200}}\bWHERE\b"
        rf"|INSERT\s+INTO{_NAME}|DELETE\s+FROM{_NAME}|UPDATE\s+\S{{1,99}}\s+SET\s+\S{{1,99}}?\s?="
        r"|SQLSTATE\b|ORA(?<![0-9A-Za-z]ORA)-\d{5}:|syntax error at or near \\?\""
        r"|invalid input syntax for (?:type )?(?:uuid|\w+:)"
        r"|psycopg\d?\b|SequelizeDatabaseError|sqlite3?\.\w{0,30}Error",
        re.DOTALL,
    ),
    _PATH: re.compile(
        r"(?<![\w.-])/(?:home|usr|var|opt|srv|app|root|etc|tmp|Users)/[\w.-]{1,200}/[\w./-]{1,300}"
        # A single backslash may be JSON's own, before one of these letters.
        r"|\b[A-Z]:(?:\\\\|\\(?![bfnrtu]))[\w.-]{1,200}\\\\?[\w.-]{1,200}"
        r"|node_modules/|site-packages/"
    ),
    PAGE: re.compile(r"<!doctype html|<html[\s>]|<body[\s>]|<h1[\s>]|<pre[\s>]", re.IGNORECASE),
}


def disclosed(text: str, *, known: str = "", root: str = "") -> str | None:
    """The name of the internals that a text discloses, None where it discloses none.

    What stands in `known` the caller has said itself: repeating it gives nothing away. Nor does a path below `root`.
    """
    return next(_found(text, known, root), None)


def disclosed_by(reply: Reply, *, known: str = "", pages: bool = True) -> str | None:
    """The name of the internals that any part of an answer discloses; HTML counts only with `pages`.

    A path that begins as the request's own did is a link to the target, as in `Location` or in a `path` that names
    the request.
    """
    first = urlsplit(reply.exchange.url).path.split("/", 2)[1:2]
    root = f"/{first[0]}/" if first and first[0] else ""
    return next(
        (name for text in reply.strings() for name in _found(text, known, root) if pages or name != PAGE),
        None,
    )


def _found(text: str, known: str, root: str) -> Iterator[str]:
    for name, pattern in _PATTERNS.items():
        for found in pattern.finditer(text):
            said = found.group()
            if (known and said in known) or (root and name == _PATH and said.startswith(root)):
                continue
            yield name
            break
