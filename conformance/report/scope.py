"""The scope of a verdict: what the profile leaves out of it, for everybody who sees the verdict."""

from collections.abc import Iterable

from conformance.model import Target
from conformance.report.safe import line

_SHORT = {"other_merchant": "one merchant", "other_environment": "one environment"}


def suffix(target: Target) -> str:
    """Returns what follows the word of a verdict, ` (scope: one merchant)`; empty where nothing is left out."""
    return of_names(name for name, _ in target.scope)


def of_names(names: Iterable[str]) -> str:
    """Returns the same for the names of what is left out; one that isn't known stands for itself."""
    words = [_SHORT.get(name, f"without {line(name, 60)}") for name in names]
    return f" (scope: {', '.join(words)})" if words else ""


def notes(target: Target) -> list[str]:
    """Returns a sentence for each, with its reason."""
    return [f"Not in scope, by the profile's scope.{name}: {reason}." for name, reason in target.scope]
