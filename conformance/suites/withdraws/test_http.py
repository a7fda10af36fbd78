"""What other methods do on the path of a cancel: nothing."""

import pytest

from conformance import expect
from conformance.expect import requirement
from conformance.plugin import Given
from conformance.suites.withdraws.verbs import Withdraws

METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]


@requirement("WD-40")
@pytest.mark.parametrize("method", METHODS)
def test_other_method_cancels_nothing(api: Withdraws, given: Given, method: str) -> None:
    """Only POST cancels."""
    withdraw = given("pending")

    api.with_method(method, withdraw)

    api.still_cancels(withdraw, after=f"a {method}")


@requirement("WD-40")
@pytest.mark.parametrize("header", OVERRIDES)
def test_method_override_cancels_nothing(api: Withdraws, given: Given, header: str) -> None:
    """A GET that claims in a header to be a POST cancels nothing."""
    withdraw = given("pending")

    api.with_method("GET", withdraw, {header: "POST"})

    api.still_cancels(withdraw, after=f"a GET with {header}: POST")


@requirement("WD-40")
@pytest.mark.parametrize("query", ["?_method=POST", "?method=POST"])
def test_method_in_the_query_cancels_nothing(api: Withdraws, given: Given, query: str) -> None:
    """A GET that claims in its query to be a POST cancels nothing."""
    withdraw = given("pending")

    api.with_method("GET", withdraw, query=query)

    api.still_cancels(withdraw, after=f"a GET with {query}")


@requirement("WD-41")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_method_is_not_allowed(api: Withdraws, method: str) -> None:
    """Another method is answered by 405 that names POST in Allow, or by 404."""
    reply = api.with_method(method, api.unknown_id())

    allow = [one.strip().upper() for one in (reply.header("Allow") or "").split(",")]
    expect.that(
        reply.status == 404 or (reply.status == 405 and "POST" in allow),
        expected=f"405 with Allow: POST, or 404, for a {method}",
        observed=f"{reply.status} with Allow {reply.header('Allow')!r}",
        reply=reply,
    )
