"""Hostile strings, and exchanges and checks made of them."""

from hypothesis import settings
from hypothesis import strategies as st

from conformance.model import Auth, Check, Exchange, Level, Outcome, Problem

# What breaks reports: escapes, overrides, markup, templates, fences, cells, CDATA, nul, surrogates.
NASTY = (
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.test\x07link\x1b]8;;\x07",
    "\u202eevil\u202c",
    "\u2066\u200b\ufeff\u2028\u2029",
    "</script><script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "```\n# title\n| a | b |\n~~~",
    "]]>&amp;<![CDATA[",
    "\x00\x01\x07\x7f\x85\ufffe\uffff",
    "\ud800",
    "@everyone closes #1 https://evil.test www.evil.test [a](b) **bold**",
    "\r\noverwritten\rline",
    "$(id) `id` !! \\ ' \" %s",
    "",
    " ",
    "::error file=x::message",
)

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)

text = st.one_of(st.sampled_from(NASTY), st.text(st.characters(), max_size=30))
clean = st.text(st.characters(codec="utf-8"), max_size=30)
body = st.one_of(st.binary(max_size=40), clean.map(str.encode))
headers = st.lists(st.tuples(clean, clean), max_size=3).map(tuple)
instants = st.datetimes().map(lambda instant: instant.isoformat(timespec="microseconds") + "Z")
durations = st.floats(0, 1000)

exchanges = st.builds(
    Exchange,
    started_at=instants,
    duration_s=durations,
    method=st.sampled_from(["GET", "POST", "HEAD", "X-ODD"]),
    url=clean.map(lambda tail: f"https://a.test/{tail}"),
    request_headers=headers,
    request_body=body,
    auth=st.sampled_from(Auth),
    status=st.one_of(st.none(), st.integers(100, 999)),
    http_version=st.sampled_from(["HTTP/1.1", "HTTP/2", ""]),
    response_headers=headers,
    response_body=body,
    signed=st.one_of(st.none(), clean),
    error=st.one_of(st.none(), clean),
    truncated=st.booleans(),
)


@st.composite
def lines(draw: st.DrawFn, requirements: tuple[str, ...] = ("WD-01",)) -> tuple[Check, tuple[Exchange, ...]]:
    """A check with its exchanges, as one line of a journal holds them."""
    sent = tuple(draw(st.lists(exchanges, max_size=3)))
    index = st.none() if not sent else st.one_of(st.none(), st.integers(0, len(sent) - 1))
    problem = st.builds(
        Problem, expected=clean, observed=clean, control=st.booleans(), exchange=index, hint=clean
    )
    check = Check(
        id=draw(clean),
        suite=draw(clean),
        title=draw(clean),
        requirements=requirements,
        level=draw(st.sampled_from(Level)),
        outcome=draw(st.sampled_from(Outcome)),
        message=draw(clean),
        started_at=draw(instants),
        duration_s=draw(durations),
        exchanges=tuple(range(len(sent))),
        problem=draw(st.one_of(st.none(), problem)),
    )
    return check, sent
