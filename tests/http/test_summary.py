"""An answer in one line: its status, and its error code or how its body begins, without secrets."""

from dataclasses import replace

import pytest

from conformance.http import summary
from conformance.http.reply import Reply
from tests.http.test_reply import reply


def test_a_long_body_is_cut_after_the_secrets_are_out() -> None:
    """Half of a secret would not be known for one."""
    answer = reply(b"x" * 195 + b"the-secret")
    answer = replace(answer, exchange=replace(answer.exchange, response_body=b"x" * 195 + b"[redacted:a]"))

    assert summary.of(answer) == "200 " + ("x" * 195 + "[redacted:a]")[:200] + "..."


def test_white_space_is_joined() -> None:
    """A pretty-printed body takes one line, too."""
    assert summary.of(reply(b'{\n  "a": 1\n}', 400)) == '400 { "a": 1 }'
    assert summary.of(reply(b"", 204)) == "204"


def test_a_request_without_an_answer_is_told_by_its_error() -> None:
    """A request without an answer is summarised by its error, in place of a status."""
    lost = replace(reply().exchange, status=None, response_body=b"", error="timeout: no answer in 5 s")

    assert summary.of_exchange(lost) == "timeout: no answer in 5 s"


CODED = reply(b'{"error": {"code": "not_found", "message": "no"}}', 404)
PAGE = reply(
    b"<!doctype html><title> Sign in </title><h1>Hello", 200, (("Content-Type", "text/html; charset=utf-8"),)
)


@pytest.mark.parametrize(
    ("answer", "how", "said"),
    [
        (CODED, {}, "404 not_found"),
        (CODED, {"code": False}, '404: \'{"error": {"code": "not_found", "message": "no"}}\''),
        (CODED, {"limit": summary.WORDS}, '404: \'{"error": {"code": "not_found", "message": "no"}}\''),
        (CODED, {"kind": True}, "404 not_found"),
        (PAGE, {"kind": True}, "200, text/html: 'Sign in'"),
        (PAGE, {"limit": 20}, "200: '<!doctype html><tit…'"),
        (reply(b"", 500), {}, "500 without a body"),
        (reply(b" ", 500), {"kind": True}, "500, no content type, no body"),
        (reply(b"\x1b[2Jgone", 502), {}, "502: '\\x1b[2Jgone'"),
    ],
)
def test_an_answer_in_a_few_words(answer: Reply, how: dict[str, int], said: str) -> None:
    """An answer is summarised by status and error code; control characters are spelled out."""
    assert summary.brief(answer, **how) == said  # type: ignore[arg-type]
