"""Exchanges as HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/) and back, without loss.

Any HAR viewer opens the file; what HAR has no field for travels in `_` fields. Secrets were taken out before.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from conformance.model import Auth, Exchange, Headers, RunRecord
from conformance.report import codec

_UNTIMED = {"blocked": -1, "dns": -1, "connect": -1, "ssl": -1}


def har(record: RunRecord) -> dict[str, Any]:
    """The exchanges of a run as the content of `exchanges.har`; the entries keep the record's order."""
    return {"log": {**_about(record), "entries": list(_entries(record))}}


def pieces(record: RunRecord) -> Iterator[str]:
    """The text of `exchanges.har`, an entry to a line: what `har` says, never in memory as a whole."""
    yield codec.dumps({"log": _about(record)})[:-2] + ',"entries":['
    for number, entry in enumerate(_entries(record)):
        yield ("\n" if number == 0 else ",\n") + codec.dumps(entry)
    yield "\n]}}\n"


def _about(record: RunRecord) -> dict[str, Any]:
    return {
        "version": "1.2",
        "creator": {"name": "payout-conformance", "version": record.harness_version},
        "comment": f"{record.target.name} ({record.target.api}), {record.started_at}",
    }


def _entries(record: RunRecord) -> Iterator[dict[str, Any]]:
    owners: dict[int, list[str]] = {}
    for check in record.checks:
        for index in check.exchanges:
            owners.setdefault(index, []).append(check.id)
    return (_entry(exchange, owners.get(i, [])) for i, exchange in enumerate(record.exchanges))


def exchanges(data: Mapping[str, Any]) -> tuple[Exchange, ...]:
    """The exchanges that `har` was given. Raises KeyError, TypeError or ValueError for any other HAR."""
    return tuple(_exchange(entry) for entry in data["log"]["entries"])


def _entry(exchange: Exchange, checks: Sequence[str]) -> dict[str, Any]:
    milliseconds = round(exchange.duration_s * 1000, 3)
    return {
        "startedDateTime": exchange.started_at,
        "time": milliseconds,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {**_UNTIMED, "send": 0, "wait": milliseconds, "receive": 0},
        "_duration_s": exchange.duration_s,
        "_auth": exchange.auth.value,
        "_signed": exchange.signed,
        "_error": exchange.error,
        "_truncated": exchange.truncated,
        "_check": list(checks),
    }


def _request(exchange: Exchange) -> dict[str, Any]:
    query = exchange.url.partition("#")[0].partition("?")[2]
    request = {
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": exchange.http_version,
        "cookies": [],
        "headers": _pairs(exchange.request_headers),
        "queryString": _pairs(parse_qsl(query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": len(exchange.request_body),
    }
    if exchange.request_body:
        request["postData"] = {
            "mimeType": _type(exchange.request_headers),
            "params": [],
            **_text(exchange.request_body, "_encoding"),
        }
    return request


def _response(exchange: Exchange) -> dict[str, Any]:
    response = {
        "status": exchange.status or 0,
        "statusText": _phrase(exchange.status),
        "httpVersion": exchange.http_version,
        "cookies": [],
        "headers": _pairs(exchange.response_headers),
        "content": {
            "size": len(exchange.response_body),
            "mimeType": _type(exchange.response_headers),
            **_text(exchange.response_body, "encoding"),
        },
        "redirectURL": next((v for n, v in exchange.response_headers if n.lower() == "location"), ""),
        "headersSize": -1,
        "bodySize": len(exchange.response_body) if exchange.status is not None else -1,
    }
    # Where Chromium's own tools look for it.
    return response if exchange.error is None else response | {"_error": exchange.error}


def _exchange(entry: Mapping[str, Any]) -> Exchange:
    request, response = entry["request"], entry["response"]
    return Exchange(
        started_at=entry["startedDateTime"],
        duration_s=float(entry["_duration_s"]),
        method=request["method"],
        url=request["url"],
        request_headers=_headers(request["headers"]),
        request_body=_bytes(request.get("postData", {}), "_encoding"),
        auth=Auth(entry["_auth"]),
        status=response["status"] or None,
        http_version=response["httpVersion"],
        response_headers=_headers(response["headers"]),
        response_body=_bytes(response["content"], "encoding"),
        signed=entry["_signed"],
        error=entry["_error"],
        truncated=bool(entry["_truncated"]),
    )


def _text(body: bytes, encoding: str) -> dict[str, str]:
    form = codec.body_to_json(body)
    return (
        {"text": form["base64"], encoding: "base64"} if "base64" in form else {"text": form.get("text", "")}
    )


def _bytes(data: Mapping[str, Any], encoding: str) -> bytes:
    text = data.get("text", "")
    return base64.b64decode(text, validate=True) if data.get(encoding) == "base64" else str(text).encode()


def _pairs(headers: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _headers(pairs: Sequence[Mapping[str, str]]) -> Headers:
    return tuple((pair["name"], pair["value"]) for pair in pairs)


def _type(headers: Headers) -> str:
    return next(
        (value for name, value in headers if name.lower() == "content-type"), "application/octet-stream"
    )


def _phrase(status: int | None) -> str:
    try:
        return HTTPStatus(status or 0).phrase
    except ValueError:
        return ""
