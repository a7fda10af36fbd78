"""An exchange as text that reads like HTTP, for attachments and logs. Pure; no errors."""

from conformance.model import Exchange, Headers
from conformance.report.safe import line, visible

_BODY = 100_000


def exchange_text(exchange: Exchange) -> str:
    """Request, answer (or why there was none) and the string under the HMAC; nothing invisible is left."""
    answer = f"{exchange.http_version or 'HTTP'} {exchange.status}"
    if exchange.status is None:
        answer = f"no answer: {exchange.error or 'unknown cause'}"
    parts = [
        f"{exchange.method} {exchange.url}",
        *_headers(exchange.request_headers),
        *_body(exchange.request_body),
        "",
        f"{answer} ({exchange.duration_s * 1000:.0f} ms)",
        *_headers(exchange.response_headers),
        *_body(exchange.response_body),
    ]
    if exchange.truncated:
        parts.append("(the harness stopped reading here)")
    if exchange.signed is not None:
        parts += ["", f"signed: {visible(exchange.signed)}"]
    return "\n".join(parts) + "\n"


def _headers(headers: Headers) -> list[str]:
    return [line(f"{name}: {value}", 4000) for name, value in headers]


def _body(body: bytes) -> list[str]:
    if not body:
        return []
    cut = f"\n({len(body) - _BODY} more bytes)" if len(body) > _BODY else ""
    return ["", visible(body[:_BODY].decode("utf-8", "backslashreplace"), newlines=True) + cut]
