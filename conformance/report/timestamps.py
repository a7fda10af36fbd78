"""Timestamps of requests that were sent, as words of a shell that sends them again. Pure; no errors."""

from collections.abc import Callable
from datetime import datetime

from conformance.model import Exchange

# A timestamp in milliseconds has so many digits; one that is years away is written as it was.
_DIGITS, _MINUTE_S, _YEAR_S = 13, 60, 366 * 86_400
# From so many equal characters on they are counted.
_MANY = 60


def word(stamp: str, exchange: Exchange, quote: Callable[[str], str]) -> str:
    """Returns the word for a timestamp: by its distance from the time of the request, or as it was sent."""
    return _ago(stamp, exchange) or _shortened(stamp, quote)


def is_now(stamp: str, exchange: Exchange) -> bool:
    """Returns whether a timestamp is the time at which its request was sent, by the minute: a later one does, too."""
    sent = _sent_at(exchange)
    is_one = sent is not None and len(stamp) == _DIGITS and stamp.isdecimal()
    return is_one and sent is not None and abs(int(stamp) / 1000 - sent) < _MINUTE_S


def _ago(stamp: str, exchange: Exchange) -> str:
    """Returns a shell word for a timestamp so many seconds before or after its request; empty where it is no such."""
    sent = _sent_at(exchange)
    if sent is None or len(stamp) != _DIGITS or not stamp.isdecimal():
        return ""
    apart = round(int(stamp) / 1000 - sent)
    return f"$(($(date +%s) {'+' if apart > 0 else '-'} {abs(apart)}))000" if abs(apart) < _YEAR_S else ""


def _sent_at(exchange: Exchange) -> float | None:
    """Returns when a request was sent, in seconds since the epoch."""
    try:
        return datetime.fromisoformat(exchange.started_at).timestamp()
    except ValueError:
        return None


def _shortened(text: str, quote: Callable[[str], str]) -> str:
    """Returns a shell word; one for many times the same letter or digit says how many."""
    if len(text) > _MANY and text == text[0] * len(text) and text[0].isalnum() and text.isascii():
        return f"$(printf %{len(text)}s | tr ' ' {text[0]})"
    return quote(text)
