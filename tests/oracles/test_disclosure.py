"""Texts that give a program's inside away, and those of honest answers that look a little like them."""

import time
from dataclasses import replace

import pytest

from conformance.oracles.disclosure import disclosed, disclosed_by
from tests.http.test_reply import reply


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('Traceback (most recent call last):\n  File "/app/x.py", line 3, in f', "a stack trace"),
        ('File "app.py", line 3', "a stack trace"),
        (r'{"debug": "File \"app.py\", line 3"}', "a stack trace"),
        ("Error: boom\n    at Object.cancel (/srv/app/withdraw.js:10:5)", "a stack trace"),
        ("Error: boom\n    at async cancel (file:///x/withdraw.mjs:10:5)", "a stack trace"),
        ("Error: boom\n    at cancel (<anonymous>:10:5)", "a stack trace"),
        ("Error: boom\n    at webpack/withdraw.ts:10:5", "a stack trace"),
        ("\tat com.acme.Payout.cancel(Payout.java:42)", "a stack trace"),
        ("at com.acme.Payout.cancel(Payout.java:42)", "a stack trace"),
        ("   at Acme.Payouts.Cancel(Guid id) in Payouts.cs:line 42", "a stack trace"),
        ("panic: x\n\ngoroutine 1 [running]:", "a stack trace"),
        ("thread 'main' panicked at src/main.rs:4:5:", "a stack trace"),
        ("app/models/payout.rb:12:in `cancel'", "a stack trace"),
        ("#0 /var/www/index.php(12): cancel()", "a stack trace"),
        ('Exception in thread "main" java.lang.NullPointerException', "a stack trace"),
        ("SELECT id, amount FROM withdraws WHERE id = $1", "SQL"),
        ('SELECT "withdraws".* FROM "withdraws" LIMIT 1', "SQL"),
        (r'{"sql": "SELECT * FROM \"withdraws\""}', "SQL"),
        ("SELECT * FROM `withdraws`", "SQL"),
        ("SELECT * FROM [dbo].[Withdraws]", "SQL"),
        ("SELECT ID FROM WITHDRAWS WHERE ID = 1", "SQL"),
        ("UPDATE withdraws SET status = 'canceled'", "SQL"),
        ("INSERT INTO payouts (id) VALUES (1)", "SQL"),
        ("DELETE FROM payouts", "SQL"),
        ("SQLSTATE[22P02]: invalid input", "SQL"),
        ("ERROR: x (SQLSTATE 22P02)", "SQL"),
        ("ORA-00942: table or view does not exist", "SQL"),
        ('syntax error at or near "order"', "SQL"),
        ('invalid input syntax for type uuid: "x"', "SQL"),
        ("psycopg2.errors.DataError", "SQL"),
        ("sqlite3.OperationalError: no such table", "SQL"),
        ("/home/deploy/app/handlers.py", "a file path"),
        ("in 'file:///srv/app/handlers.js'", "a file path"),
        (r"C:\\inetpub\\wwwroot", "a file path"),
        (r"C:\Users\deploy", "a file path"),
        ("node_modules/express/lib/router", "a file path"),
        ("<!DOCTYPE html><html><body>Not found</body></html>", "HTML"),
        ("<h1>404</h1>", "HTML"),
    ],
)
def test_insides_are_recognised(text: str, name: str) -> None:
    """Each kind of internal detail is recognised by more than one word."""
    assert disclosed(text) == name


@pytest.mark.parametrize(
    "text",
    [
        '{"success":false,"error":{"code":"VALIDATION_ERROR","message":"Withdraw cannot be cancelled"}}',
        "Please select a payout from the list.",
        "SELECT PREMIUM FROM ACME",
        "insert INTO payouts",
        "DELETE FROM LIST",
        "Update your bank account and set a new limit.",
        "UPDATE LIMIT SET BY CUSTOMER",
        "ORA-00042",
        "FLORA-00042: paid",
        "Syntax error at or near position 5",
        "The file line is at 3.",
        'File "invoice.pdf" has no line 12',
        "https://docs.acme.test/app/guides/errors",
        "https://acme.test/home/help/payouts.html",
        "https://acme.test:8443/app/payouts/12",
        "See /docs/errors#not_found, or /api/v1/withdraws/123/cancel.",
        "Meet us at Cafe (open until 22:30)",
        "Opening hours\n  at Cafe (open until 22:30)\n  at Bar (until 22:30:00)",
        "Departs\n  at 12:30:45",
        "line 12 of the invoice",
        "Amount < 5 and > 3; a<b>c",
        "Duplicate of order 12:30",
        "Exception in thread of thoughts",
        r'{"failure_message": "IBAN:\nDE89\nBIC:\tX\nthe end"}',
        "The user deleted it from the dashboard.",
        "word_01HZX",
        "",
        "2024-01-01T00:10:00.000Z",
    ],
)
def test_ordinary_texts_are_no_insides(text: str) -> None:
    """A message may hold any of these words."""
    assert disclosed(text) is None


def test_they_are_found_in_headers_and_deep_in_json() -> None:
    """Escaped in JSON, a line feed is two characters: the parsed text is searched too."""
    deep = reply(b'{"error": {"debug": ["Error\\n    at cancel (/x.js:1:2)"]}}')
    assert disclosed_by(deep) == "a stack trace"
    assert disclosed_by(reply(headers=(("X-Debug", "SQLSTATE[1]"),))) == "SQL"
    assert disclosed_by(reply(b'{"error": {"code": "X"}}')) is None


def test_an_echo_gives_nothing_away_but_hides_nothing_else() -> None:
    """An echo of the request is no disclosure; another statement of the same kind beside it is one."""
    said = "SELECT a FROM b"
    assert disclosed_by(reply(f'{{"message": "{said} is odd"}}'.encode()), known=said) is None
    assert disclosed_by(reply(f'{{"message": "{said}; DELETE FROM c"}}'.encode()), known=said) == "SQL"


def test_a_link_to_the_target_is_no_file_path() -> None:
    """A base URL may begin with /app: `Location`, cookies and a body's `path` then do too."""
    links = reply(
        b'{"path": "/app/v1/withdraws/1/cancel"}',
        404,
        (("Location", "/app/v1/login"), ("Set-Cookie", "a=b; Path=/app/v1/")),
    )
    here = replace(links, exchange=replace(links.exchange, url="https://a.test/app/v1/withdraws/1/cancel"))
    there = replace(links, exchange=replace(links.exchange, url="https://a.test/api/v1/withdraws/1/cancel"))
    assert disclosed_by(here) is None
    assert disclosed_by(there) == "a file path"
    assert disclosed_by(replace(here, body=b'{"file": "/srv/app/x.py"}')) == "a file path"


@pytest.mark.parametrize(
    "piece",
    [
        " at a.",
        "\n at (" + "a" * 300,
        "SELECT ",
        "UPDATE ",
        "UPDATE" + " " * 9_999,
        "/home/",
        "/home/a/",
        'File "',
        "#0",
    ],
    ids=lambda piece: piece.strip()[:8],
)
def test_nothing_takes_long_to_search(piece: str) -> None:
    """Time grows with the length, not with its square, whatever a target sends."""
    began = time.process_time()
    disclosed("\n at " + piece * (300_000 // len(piece)))
    assert time.process_time() - began < 3
