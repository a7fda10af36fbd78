"""How the authentication of a request differed from the documented one, in words. Pure; no errors."""

import re

from conformance import contracts
from conformance.model import Check, Exchange, RunRecord
from conformance.report.safe import line

# What a check says of the request that decides: `a cancel with a digit more behind its signature not to be accepted`.
_HOW = re.compile(
    r"\b[Aa]n? [\w -]*?(?:cancel|read|request|GET|POST)\b.*? ?\b((?:with|without|signed|in which) .+?)"
    r"(?:, correctly signed|, right after [^,]+)?,? "
    r"(?:was|were|not to|to be|is|got|showed|cancelled|took)\b"
)
_PLAINLY = re.compile(r"\b((?:with|signed with) (?:a wrong|an unrelated|another) secret)\b")
_MARK = "[redacted"
# A value that is no secret is shown where it is short; a timestamp of now says nothing.
_SHORT = 40
_STAMP = re.compile(r"\d{13}")
# The documented pair, behind a scheme that is spelt in some way.
_SCHEME = re.compile(r"([A-Za-z-]+) \[redacted:[^\]]*\]$")
_UNKNOWN = "with altered authentication"


def altered(record: RunRecord, exchange: Exchange, decided: Check | None = None) -> str:
    """Returns what was altered; in the words of the check that `exchange` decides, where its headers don't show it."""
    api = record.target.api
    names = contracts.contract(api).authentication.headers if api in contracts.names() else ()
    sent = {name.lower(): value for name, value in exchange.request_headers}
    absent = [name for name in names if name.lower() not in sent]
    if names and len(absent) == len(names):
        return "without credentials"
    said = [f"without {name}" for name in absent]
    for name in names:
        value = sent.get(name.lower())
        if value is not None and not value.strip():
            said.append(f"{name} empty")
        elif (
            value is not None and len(value) <= _SHORT and _MARK not in value and not _STAMP.fullmatch(value)
        ):
            said.append(f"{name}: {line(in_characters(value), _SHORT)}")
        elif value is not None and (spelt := _SCHEME.match(value)) and spelt[1] != "Basic":
            said.append(f"{name} with the scheme {spelt[1]}")
    problem = decided.problem if decided else None
    if not said and problem is not None:
        found = _HOW.search(problem.fault) or _HOW.search(problem.expected) or _PLAINLY.search(problem.fault)
        said += [line(found[1], 120)] if found else []
    # A signature or a password that isn't the documented one is left out of records.
    said += [
        f"another {name}" for name in names if not said and sent.get(name.lower(), "").endswith("[redacted]")
    ]
    return ", ".join(said) or _UNKNOWN


def in_characters(value: str) -> str:
    """Returns a header, whose bytes are recorded as Latin-1 (RFC 9110 section 5.5), in the characters of its UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
