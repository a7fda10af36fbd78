"""The messages of the sandbox: requests, responses, and the refusals in between."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

JSON = "application/json"

BODY_LIMIT = 1 << 20
"""Bytes of a body that are kept. One more is kept too, so that the application can tell and answer 413."""

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: the target undecoded, header names in the client's letter case.

    `connection` is the number of the connection that it came on, by which a balancer chooses a process; `gone` tells
    whether its caller has hung up. It is not `whole` where that was in the middle of its body.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    connection: int = 0
    gone: Callable[[], bool] = bool
    whole: bool = True

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a header; its name in lower case, compared regardless of case (RFC 9110, 5.1)."""
        return [value.strip() for sent, value in self.headers if sent.lower() == name]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, its body already rendered, so that a replay is the same byte for byte."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: str = JSON


HANG_UP = Response(0, b"")
"""Instead of an answer: the connection is closed."""


class Refusal(Exception):
    """The request is refused: an API's own envelope is put around `code` and `message`."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    def but(
        self,
        status: int | None = None,
        code: str | None = None,
        message: str | None = None,
        headers: Headers | None = None,
    ) -> "Refusal":
        """This refusal with some of it other than it is."""
        return Refusal(
            self.status if status is None else status,
            self.code if code is None else code,
            self.message if message is None else message,
            self.headers if headers is None else headers,
        )


def encode(payload: object, *, pretty: bool = False) -> bytes:
    """JSON in UTF-8 (RFC 8259), compact unless `pretty`."""
    if pretty:
        return json.dumps(payload, ensure_ascii=False, indent=2).encode()
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
