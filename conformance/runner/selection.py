"""Which checks an expression of `-k` means: words of pytest's expressions, and ids as reports print them."""

import re
from difflib import get_close_matches
from typing import Any

import pytest
from _pytest.mark.expression import Expression  # the only way to ask beforehand; pytest is pinned

from conformance import contracts, coverage, fuzz
from conformance.errors import UsageError
from conformance.fuzz.oracle.checks import SUITE
from conformance.items import check_id, keyword
from conformance.profile import Profile

# `auth::wrong_signature[not hex]`: the case may hold anything but a closing bracket.
_ID = re.compile(r"\w+::[\w.]+(\[[^\]]*\])?")
_NEAR = 3


def expression(given: str) -> str:
    """Returns an expression for pytest: an id stands for that check alone, or for all its cases."""

    def word(found: re.Match[str]) -> str:
        known = keyword(found[0])
        return known if found[1] else f"({known} or {known.removesuffix('::')}[)"

    return _ID.sub(word, given)


def compiled(given: str) -> Expression:
    """Returns the expression, ready to be evaluated. Raises UsageError where it is none."""
    try:
        return Expression.compile(expression(given))
    except SyntaxError as fault:
        raise UsageError(
            f"-k {given!r} is no expression: {fault.msg}",
            hint="It looks like 'matrix and not paid': ids of checks or words in their names, and, or, not, brackets.",
        ) from None


def fuzz_checks(api: str, given: str) -> tuple[str, ...]:
    """Returns the ids of the fuzzing's checks that an expression means; none where it doesn't speak of fuzzing."""
    if SUITE not in given:
        return ()
    wanted = compiled(given)

    def means(name: str) -> bool:
        names = (SUITE, keyword(name).lower())

        def matches(word: str, /, **_: Any) -> bool:
            return any(word.lower() in one for one in names)

        return wanted.evaluate(matches)

    return tuple(name for name in fuzz.check_ids(api) if means(name))


def must_match(profile: Profile, given: str, arguments: list[str], *, fuzzed: bool) -> None:
    """Raises UsageError where an expression means no check of the profile's API: nothing would be tested.

    `arguments` are those of pytest that choose further; `fuzzed` tells whether fuzzing is part of the run.
    """
    api = profile.target.api
    if fuzzed and fuzz_checks(api, given):
        return
    found: list[str] = []

    class Collector:
        def pytest_collection_finish(self, session: pytest.Session) -> None:
            found.extend(map(check_id, session.items))

    folder = str(contracts.checks_folder(api))
    coverage.quietly(
        ["--collect-only", "--profile", str(profile.path), f"-k{expression(given)}", *arguments, folder],
        [Collector()],
    )
    if found:
        return
    every = {name for pairs in coverage.checks(api).values() for name, _ in pairs}
    near = (
        get_close_matches(given, every, _NEAR, 0.5)
        or sorted(name for name in every if given.lower() in name)[:_NEAR]
    )
    left_out = given in fuzz.check_ids(api)
    raise UsageError(
        f"-k {given!r} matches no check of {api}"
        + (" but one of the fuzzing, which is left out" if left_out else ""),
        hint=f"Is one of these meant? {', '.join(near)}"
        if near and not left_out
        else f"payout-conformance catalogue ID names the checks of a requirement; -k {SUITE} is the fuzzing.",
    )
