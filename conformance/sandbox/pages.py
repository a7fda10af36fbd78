"""The error pages that web frameworks answer with before any handler runs: the variant `unknown_route`."""

from html import escape

from conformance.sandbox.messages import Request, Response, encode

_HTML = "text/html; charset=utf-8"


def not_found(style: str, request: Request) -> Response:
    """A framework's own page for a path that it has no route for."""
    return _page(style, request, 404, "Not Found")


def method_refused(style: str, request: Request, allow: str) -> Response:
    """A framework's own page for a method that a path doesn't have. Express has none: it answers 404."""
    if style == "express":
        return not_found(style, request)
    page = _page(style, request, 405, "Method Not Allowed")
    return Response(page.status, page.body, (("allow", allow),), page.content_type)


_PROOFS = (b"authorization", b"signature", b"api-key")


def _masked(request: Request) -> dict[str, str]:
    """The headers of a request, without the values of those that prove who sent it."""
    return {
        name.decode("latin-1"): "[masked]"
        if any(one in name.lower() for one in _PROOFS)
        else value.decode("latin-1")
        for name, value in request.headers
    }


def _page(style: str, request: Request, status: int, reason: str) -> Response:
    if style == "starlette":
        return Response(status, encode({"detail": reason}))
    if style == "debug":
        return Response(status, encode({"error": reason, "request": {"headers": _masked(request)}}))
    if style == "spring":
        return Response(status, encode({"status": status, "error": reason, "path": request.path}))
    if style == "express":
        line = escape(f"Cannot {request.method} {request.path}")
        page = f'<!DOCTYPE html>\n<html lang="en">\n<title>Error</title>\n<body>{line}</body>\n</html>\n'
    else:
        page = f'<!doctype html>\n<html lang="en">\n<title>{status} {reason}</title>\n<h1>{reason}</h1>\n'
    return Response(status, page.encode(), (), _HTML)
