"""Words for titles and messages: requests, values and answers as a developer would name them.

A title is a request and what became of it: "a cancel of a paid order", "was accepted (200)". Values are JSON; a long
one is told by its description ("512 letters"), since its text says less.
"""

import json
import re
from typing import Any

from conformance.contract import Contract
from conformance.contracts import contract
from conformance.fuzz.case import UNKNOWN, Case, Mutation
from conformance.fuzz.fuzz_contract import fuzzing
from conformance.http.reply import MISSING, Reply
from conformance.openapi import Operation
from conformance.oracles import wording

_IS = re.compile(r"should (?:be )?(.*?), and is (.*)", re.DOTALL)
_TYPES = {
    "string": "a string",
    "object": "an object",
    "boolean": "a boolean",
    "number": "a number",
    "true": "true",
    "false": "false",
    "null": "null",
}
# A value of more characters is told by its description.
SHORT = 40
_LONGEST_CODE = 40
_KB = 1000


def described(text: str) -> str:
    """Returns a text in quotes, as JSON writes it; what is long by its length and kind: `512 letters`."""
    if len(text) <= SHORT:
        return _quoted(text)
    count = f"{len(text)} "
    if len(set(text)) == 1:
        size = f"a {len(text) // _KB} kB string" if len(text) >= 2 * _KB else f"{len(text)} times"
        return f"{size}{' of' if len(text) >= 2 * _KB else ''} {_quoted(text[0])}"
    if text.isascii() and text.isalpha():
        return count + "letters"
    if text.isascii() and text.isdigit():
        return count + "digits"
    if text.isascii() and text.isalnum():
        return count + "letters and digits"
    return f"{count}characters ({_quoted(text[:12])[:-1]}...)"


def _quoted(text: str) -> str:
    return wording.visible(json.dumps(text, ensure_ascii=False))


def value(one: Any) -> str:
    """Returns a JSON value as it is written; `absent` for one that isn't there, a long one by its description."""
    if one is MISSING:
        return "absent"
    if isinstance(one, str):
        return described(one)
    written = json.dumps(one, ensure_ascii=False)
    if len(written) <= SHORT:
        return written
    if isinstance(one, list):
        return f"an array of {len(one)}" if len(one) > 1 else "a nested array"
    return f"an object with {', '.join(list(one)[:4])}" if isinstance(one, dict) else f"{len(written)} digits"


def kind(one: Any) -> str:
    """Returns the type of a JSON value, with the value where that is short: `a number (7)`."""
    names = {bool: "a boolean", int: "a number", float: "a number", list: "an array", dict: "an object"}
    name = names.get(type(one), "null" if one is None else "a string")
    written = "" if one is None else value(one)
    return name if one is None or written.startswith(("an ", "a ")) else f"{name} ({written})"


def answer(described_as: Contract, reply: Reply) -> str:
    """Returns the status of an answer and its error code: `409 CONFLICT`."""
    code = reply.at(described_as.answers.code)
    told = isinstance(code, str) and 0 < len(code) <= _LONGEST_CODE and not reply.ok
    return f"{reply.status} {code}" if told else str(reply.status)


def became(described_as: Contract, reply: Reply, *wanted: object) -> str:
    """Returns what became of a request: `was accepted (200)`, `was answered 409 CONFLICT instead of 404 NOT_FOUND`.

    `wanted` are the documented answers; a 2xx to anything but a read was accepted where none of them is one.
    """
    due = " or ".join(map(str, wanted))
    reads = reply.exchange.method == "GET"
    if reply.ok and not reads and described_as.answers.succeeded(reply.json) and not due.startswith("2"):
        return f"was accepted ({reply.status})"
    came = f"was answered {answer(described_as, reply)}"
    if due == str(reply.status):
        # The status is the documented one: it is the body that isn't.
        path = described_as.answers.status
        return f"{came} {f'without {path}' if reply.at(path) is MISSING else f'with {path} {value(reply.at(path))}'}"
    return came + (f" instead of {due}" if due else "")


def noun(api: str) -> str:
    """Returns the last word of the noun of one resource: `order`."""
    return contract(api).noun.rpartition(" ")[2]


def resource(api: str, state: str | None) -> str:
    """Returns one resource in a state, with its article: `a paid order`, `an unknown id`."""
    if state in (None, UNKNOWN):
        return "an unknown id"
    return contract(api).a(f"{state} {noun(api)}")


def request(operation: Operation, case: Case, state: str | None) -> str:
    """Returns a request in words, with its article, and what is special about it."""
    if case.mutation is Mutation.METHOD:
        return (
            f"{'an' if case.method[:1] in 'AEIO' else 'a'} {case.method} on {resource(operation.api, state)}"
        )
    # The read of an API whose document has none is known as a cancel that is sent by GET.
    verb = "a read" if "GET" in (operation.method, case.method) else "a cancel"
    if case.mutation is Mutation.PATH:
        return f"{verb} of {_id(case.segment or '')}"
    more = special(operation, case)
    return f"{verb} of {resource(operation.api, state)}" + (f" {more}" if more else "")


def _id(segment: str) -> str:
    return f"the id {described(segment)}" if len(segment) <= SHORT else f"an id of {described(segment)}"


def special(operation: Operation, case: Case) -> str:
    """Returns what is special about a request, as it follows the noun; empty for a plain documented one."""
    match case.mutation:
        case Mutation.METHOD:
            return f"by the method {case.method}"
        case Mutation.PATH:
            return f"with {_id(case.segment or '')}"
        case Mutation.MISSING:
            every = len(case.omitted) == len(operation.credentials)
            return "without credentials" if every else f"without {' and '.join(case.omitted)}"
        case Mutation.WRONG:
            wrong = "with " + " and ".join(_header(name, text) for name, text in case.altered)
            odd = case.body is not None and not operation.has_body
            return f"{wrong} and {_body(operation, case).removeprefix('with ')}" if odd else wrong
        case Mutation.TYPE:
            label = next((text for name, text in case.headers if name == "Content-Type"), None)
            if label is None:
                return "without a content type"
            return f"labelled {described(label)}" if label else "with an empty content type"
        case Mutation.KEY:
            return _key(operation, case)
    return _body(operation, case)


def _key(operation: Operation, case: Case) -> str:
    name = contract(operation.api).requests.key_header or ""
    keys = [text for header, text in case.headers if header == name]
    if len(keys) > 1:
        return f"with {len(keys)} {name} headers"
    return "with " + _header(name, keys[0] if keys else "")


def _header(name: str, text: str) -> str:
    if not text:
        return f"an empty {name}"
    return f"the {name} {described(text)}" if len(text) <= SHORT else f"{a(name)} of {described(text)}"


def a(name: str) -> str:
    """Returns a name with the indefinite article in front."""
    vowel = name[:1].lower() in "aeiou" or name.startswith("X-")
    return f"{'an' if vowel else 'a'} {name}"


def _body(operation: Operation, case: Case) -> str:
    if case.body is None:
        return "without a body" if operation.has_body else ""
    text, sent = fuzzing(operation.api).text, case.value
    keyless = " and no key" if case.mutation is Mutation.DOCUMENTED and case.key == "absent" else ""
    if isinstance(sent, dict) and text is not None and sent.keys() <= {text.name}:
        if text.name not in sent:
            return f"without {a(text.name)}" + keyless.replace(" and no", " or a")
        one = sent[text.name]
        if not isinstance(one, str):
            return f"with {a(text.name)} that is {kind(one)}" + keyless
        if len(one) > SHORT:
            return f"with {a(text.name)} of {described(one)}" + keyless
        return f"with the {text.name} {described(one)}" + keyless
    if not case.body:
        return "with an empty body"
    written = case.body.decode("utf-8", "backslashreplace")
    if len(written) <= SHORT:
        return f"with the body {written}"
    if isinstance(sent, dict):
        return f"with the keys {', '.join(map(described, list(sent)[:4]))} in the body"
    return f"with a body of {len(case.body)} bytes ({written[:16]}...)"


def breach(line: str, operation: Operation, reply: Reply) -> str:
    """Returns the title of a breach of a schema, given as a line: `amount was 730 in the answer to a cancel (202)`."""
    name, _, said = line.partition(": ")
    where = f"the answer to a {'read' if operation.method == 'GET' else 'cancel'} ({reply.status})"
    wrong = _IS.fullmatch(said)
    if wrong is None:
        missing = said.startswith("is missing")
        return (
            f"{name} was missing from {where}"
            if missing
            else f"{name} {said.replace('is ', 'was ', 1)} in {where}"
        )
    due, came = wrong.groups()
    return f"{name} was {came} in {where}" + (
        f", not {_TYPES.get(due, due)}" if due in _TYPES or due.startswith('"') else ""
    )
