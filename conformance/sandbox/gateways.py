"""Gateways in front of an API, which answer some requests itself: the variant `gateway`."""

from posixpath import normpath
from urllib.parse import unquote

from conformance.sandbox.messages import HANG_UP, Request, Response

_HTML = "text/html"
_LINE_LIMIT = 8_000
_ATTACKS = ("%00", "%27", "%2f")
_POLLUTION = "__proto__"


def answered(kind: str, request: Request) -> Response | None:
    """The gateway's own answer to a request; None for a request that it passes on."""
    path = request.path
    if kind == "proxy":
        if len(path) > _LINE_LIMIT:
            return _page(414, "Request-URI Too Large")
        return _page(400, "Bad Request") if "%00" in path or "%zz" in path else None
    if kind == "cutter":
        longest = max(len(path), *(len(value) for _, value in request.headers))
        return HANG_UP if longest > _LINE_LIMIT else None
    if kind == "firewall":
        sent = (
            path,
            request.body.decode("latin-1"),
            *(value.decode("latin-1") for _, value in request.headers),
        )
        attack = any(one in path.lower() for one in _ATTACKS) or any(_POLLUTION in part for part in sent)
        return _page(403, "Forbidden") if attack else None
    if kind == "router" and ".." in unquote(path, "latin-1").split("/"):
        tidy = normpath(unquote(path, "latin-1")).encode("ascii", "replace").decode()
        return _page(301, "Moved Permanently", (("location", tidy),))
    return None


def _page(status: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    page = f"<html>\n<head><title>{status} {reason}</title></head>\n<body><h1>{status} {reason}</h1></body>\n</html>\n"
    return Response(status, page.encode(), headers, _HTML)
