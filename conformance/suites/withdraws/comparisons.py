"""Comparisons of a canceled withdraw with what was known of it before, and with what a read shows.

Each names in its title the field with both values, and says whether a read shows the same.
"""

from collections.abc import Sequence
from typing import Any

from conformance.http.reply import MISSING, Reply, instant
from conformance.oracles import equality, expect, wording
from conformance.oracles.instants import is_same_instant, moved, not_after
from conformance.oracles.missing_keys import has_value
from conformance.suites.withdraws.fields import changed, differs, of_another_type, retyped
from conformance.suites.withdraws.observations import Cancelled


def same_fact(cancelled: Cancelled, key: str, was: Any) -> None:
    """A fact comes back as it was. A state source may write 1000 where the API writes "1000.00"."""
    value = cancelled.reply.at(f"data.{key}")

    def good(one: Any) -> bool:
        return not differs(key, was, one)

    expect.that(
        good(value),
        expected=f"data.{key} to be {wording.whole(was)} as before the cancel",
        observed=expect.observed(cancelled.reply, f"data.{key}"),
        reply=cancelled.reply,
        fault=changed(cancelled.reply, key, was, cancelled.where),
        persisted=wording.read_shows(cancelled.read, f"data.{key}", value, good),
    )


def not_lost(cancelled: Cancelled, key: str, was: Any) -> None:
    """A fact is there still; one that is left out is for another requirement."""
    value = cancelled.reply.at(f"data.{key}")
    expect.that(
        value is MISSING or has_value(value),
        expected=f"data.{key} to have a value, as it had before the cancel: {wording.whole(was)}",
        observed=expect.observed(cancelled.reply, f"data.{key}"),
        reply=cancelled.reply,
        fault=changed(cancelled.reply, key, was, cancelled.where),
        persisted=wording.read_shows(cancelled.read, f"data.{key}", value, has_value),
    )


def same_code(cancelled: Cancelled, was: str) -> None:
    """The bank code is the same text."""
    shown, good = cancelled.reply.at("data.bankCode"), equality.is_same_as(was)
    expect.that(
        good(shown),
        expected=f"data.bankCode to be {wording.whole(was)} as before the cancel",
        observed=expect.observed(cancelled.reply, "data.bankCode"),
        reply=cancelled.reply,
        hint="A code that was a number on its way loses its leading zeros."
        if was.lstrip("0") == shown
        else "",
        fault=changed(cancelled.reply, "bankCode", was, cancelled.where),
        persisted=wording.read_shows(cancelled.read, "data.bankCode", shown, good),
    )


def same_types(cancelled: Cancelled, was: Any) -> None:
    """The values in the metadata have the types that they had."""
    shown = cancelled.reply.at("data.metadata")

    def others(one: Any) -> list[str]:
        return of_another_type(was, one or {})

    paths = others(shown)
    expect.that(
        not paths,
        expected=f"the values in data.metadata to have the types that they had: {wording.whole(was)}",
        observed=f"other types in {', '.join(paths)}: {wording.of(cancelled.reply, 'data.metadata')}",
        reply=cancelled.reply,
        fault=f"{retyped(was, shown, paths)} in {cancelled.where}" if paths else "",
        persisted=wording.read_shows(cancelled.read, "data.metadata", shown, lambda one: not others(one)),
    )


def dates_as_before(
    cancelled: Cancelled, reply: Reply, created: Sequence[Any], updated: Sequence[Any], at: Any
) -> None:
    """In an answer, createdAt is one of those before the cancel, and updatedAt later than those; `at` is canceledAt."""
    where = "a read after the cancel" if reply is cancelled.read else cancelled.where
    shown = {key: reply.at(f"data.{key}") for key in ("createdAt", "updatedAt")}
    for was in created if instant(shown["createdAt"]) is not None else ():
        expect.that(
            not_after(shown["createdAt"], was) and not_after(was, shown["createdAt"]),
            expected=f"data.createdAt to be {wording.whole(was)} as before the cancel",
            observed=expect.observed(reply, "data.createdAt"),
            reply=reply,
            fault=changed(reply, "createdAt", was, where),
        )
    for was in updated if instant(shown["updatedAt"]) is not None else ():
        stood = is_same_instant(shown["updatedAt"], was)
        now = wording.of(reply, "data.updatedAt")
        expect.that(
            moved(was, shown["updatedAt"], at),
            expected=f"data.updatedAt to be later than {wording.whole(was)}, which it was before the cancel",
            observed=expect.observed(reply, "data.updatedAt"),
            reply=reply,
            hint="Cancelling is a change." if stood else "",
            fault=f"data.updatedAt {'stood still at' if stood else 'went back to'} {now} in {where}",
        )
