"""Headers that mean nothing to an API, and spellings of a media type, as clients and proxies send them."""

from conformance.model import Headers

# As clients, proxies and tracing libraries send them; RFC 9110 section 5.1: what isn't known is ignored.
HARMLESS: tuple[Headers, ...] = (
    (("Accept", "application/json"),),
    (("Accept", "application/json, text/plain, */*"),),
    (("Accept", "application/*"),),
    (("Accept-Language", "de-DE, de;q=0.9, en;q=0.5"),),
    (("Accept-Language", "th"),),
    (("Accept-Language", "*"),),
    (("Accept-Encoding", "gzip, deflate"),),
    (("User-Agent", "Java/17.0.9"),),
    (("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"),),
    (("User-Agent", "okhttp/4.12.0"),),
    (("X-Request-Id", "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f"),),
    (("X-Request-Id", "req_" + "0123456789abcdef" * 8),),
    (("X-Correlation-Id", "order #42/retry=1; caf\xe9"),),
    (("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "a=b,c=d")),
    (("baggage", "tenant=blue,flag=1"),),
    (("Cache-Control", "no-cache"), ("Pragma", "no-cache")),
    (("Date", "Tue, 05 Nov 2024 10:00:00 GMT"),),
    (("From", "payouts@shop.example"),),
    (("X-Requested-With", "XMLHttpRequest"),),
    (("Priority", "u=3, i"),),
)
# The media type with a charset, in the spellings of several client libraries (RFC 9110 section 8.3.1).
LABELS: tuple[Headers, ...] = tuple(
    (("Content-Type", label),)
    for label in (
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "Application/JSON",
    )
)
