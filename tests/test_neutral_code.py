"""Shared code names no API: what it has to know of one, it asks the contract."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance import contracts, openapi
from conformance.contract import Contract

PACKAGE = Path(contracts.__file__).parent
FOLDERS = {one.folder for one in contracts.every()}
ROOMS = sorted(
    {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")} - {"_specs"}
)

# Words of an API that shared code has a use of its own for.
OURS = {
    "Authorization": "RFC 9110: a header that requests of every API may carry, and that is redacted in all of them",
    "data": "JSON Schema, Allure and HAR have such a field",
    "description": "JSON Schema and OpenAPI have such a field",
    "environment": "a key of [target] in every profile",
    "failed": "an outcome, and the status of a check in Allure and JUnit",
    "id": "a field of every message of a provider state",
    "metadata": "in-toto and Allure have such a field",
    "object": "a type of JSON Schema",
    "status": "a parameter of every message of a provider state, and the HTTP status",
}
ELSEWHERE = {
    ("certificate/keys.py", "public_key"): "the package `cryptography` calls half of a key pair so",
    (
        "fuzz/generate/sequences.py",
        "paid",
    ): "a word of generated texts; another one changes the stream of every seed",
    (
        "fuzz/generate/strategies.py",
        "amount",
    ): "a word of generated texts; another one changes the stream of every seed",
    ("sandbox/api.py", "updated_at"): "a column of every store; how an API shows it is the API's affair",
    ("sandbox/store.py", "updated_at"): "a column of every store; how an API shows it is the API's affair",
    ("sandbox/changes.py", "amount"): "an example in a docstring",
    ("sandbox/defects.py", "paid"): "an example in a docstring",
}
"""Words that a single module has a use of its own for."""
PROSE = {
    "pending",
    "processing",
    "paid",
    "cancelled",
    "canceled",
    "amount",
    "currency",
    "country",
    "recipient",
}
"""Words of the language: they count where a text quotes them, or is nothing else."""


def words(contract: Contract) -> Iterator[str]:
    """Every word that belongs to an API, but for its name and noun."""
    states, answers, requests = contract.states, contract.answers, contract.requests
    documented = (answers.ok, answers.refused, answers.not_found, answers.unauthorized, answers.conflict)
    yield from states.documented()
    yield from (kind.pool for kind in states.kinds)
    yield from (one.name for one in contract.capabilities)
    yield from (*contract.authentication.fields, *contract.authentication.headers)
    yield from (requests.key_header or "", *answers.keys, *answers.resource.split("."))
    yield from (one.code or "" for one in documented if one is not None)
    yield from codes(openapi.document(contract.name))


def codes(node: Any) -> Iterator[str]:
    """The values that a document gives for an error's code."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "code" and isinstance(value, dict):
            yield from (*value.get("enum", ()), value.get("const", ""))
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from codes(one)


@cache
def pattern() -> re.Pattern[str]:
    """Finds what shared code must not hold."""
    own = [one for one in contracts.every() if one.specs is None]
    found = {word for one in own for word in words(one)} - OURS.keys() - {"", "not_found"}
    # `payout intent`, `payout_intents`, `PayoutIntents`: any spelling of a name or a noun.
    names = {re.sub("[-_ ]", "[-_ ]?", word) for one in own for word in (one.name, one.noun)}
    whole = "|".join(sorted(map(re.escape, found - PROSE)))
    quoted = "|".join(sorted(found & PROSE))
    parts = (
        rf"(?i:{'|'.join(sorted(names))})",
        rf"(?<![A-Za-z0-9])(?:{whole})(?![A-Za-z0-9])",
        rf"(?<=[\"'`])(?:{quoted})(?=[\"'`])|\A(?:{quoted})\Z",
    )
    return re.compile("|".join(parts))


def found_in(path: Path) -> Iterator[str]:
    """Yields each word of an API in a module's identifiers, texts and comments, or in a template, with its line."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield from _told(path, 1, text)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.COMMENT):
            # A variable may be called as a word of prose is.
            prose = token.type == tokenize.NAME and token.string in PROSE
            yield from _told(path, token.start[0], "" if prose else token.string)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            yield from _told(path, node.lineno, value)


def _told(path: Path, line: int, text: str) -> Iterator[str]:
    for one in pattern().finditer(text):
        if (str(path.relative_to(PACKAGE)), one[0]) in ELSEWHERE:
            continue
        yield f"{path.relative_to(PACKAGE)}:{line + text[: one.start()].count(chr(10))}: {one[0]}"


def modules(room: str) -> Iterator[Path]:
    """The shared modules and templates of a room: a folder named after an API is that API's own."""
    for path in (PACKAGE / f"{room}.py", *sorted((PACKAGE / room).rglob("*.*"))):
        shared = not FOLDERS & set(path.relative_to(PACKAGE).parts)
        if path.is_file() and path.suffix in (".py", ".html", ".js", ".css") and shared:
            yield path


@pytest.mark.parametrize("room", ROOMS)
def test_shared_code_names_no_api(room: str) -> None:
    """Neither its name or noun, nor a state, credential, header, field or error code of it."""
    assert [one for path in modules(room) for one in found_in(path)] == []


def test_the_words_are_found() -> None:
    """In names of any spelling, in quotes, alone; and not in plain prose."""
    for text in (
        "the Withdraws",
        "PayoutIntents",
        "a payout intent",
        "api_key",
        "X-Signature",
        "see `paid`",
        "paid",
    ):
        assert pattern().search(text), text
    for text in ("it was paid", "an id", "public key", "a payout", "failed"):
        assert not pattern().search(text), text
