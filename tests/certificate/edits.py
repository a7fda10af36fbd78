"""Edits of a dishonest signer in the files of a run, its profile and the statement."""

import re
from typing import Any

from tests.certificate.forging import ours


def verdict_twice(text: str) -> str:
    """`verdict` stands in run.json twice."""
    return text.replace("{", '{"verdict": "non_conformant",', 1)


def scoped(text: str) -> str:
    """The profile leaves the other merchant out, of which the verdict says nothing."""
    return text + '\n[scope]\nother_merchant = "there is one account"\n'


def for_decades(data: dict[str, Any]) -> None:
    """The certificate is valid for as long as the calendar goes."""
    ours(data)["expiresAt"] = "2999-12-30T00:00:00.000Z"


def more_states(data: dict[str, Any]) -> None:
    """The certificate says that a state was tried which the run didn't try."""
    ours(data)["extent"]["statesTried"].append("reversed")


def not_a_number(text: str) -> str:
    """A duration in run.json is NaN, which is no JSON."""
    return re.sub(r'"duration_s": ?[0-9.e-]+', '"duration_s": NaN', text, count=1)


def commented(text: str) -> str:
    """run.json begins with a comment, which is no JSON."""
    return "// made by payout-conformance\n" + text


def byte_order_mark(text: str) -> str:
    """run.json begins with a byte order mark."""
    return "\ufeff" + text
