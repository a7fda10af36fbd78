"""Variants that the document of payout intents leaves open: switches between implementations, all of them honest."""

from dataclasses import dataclass

from conformance.sandbox.variants import one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentVariants:
    """One honest implementation of payout intents."""

    bad_reason_status: int = one_of(400, 422)
    c_strings: bool = False
    """Basic credentials end at a NUL, as they do where C reads them."""
    basic: str = one_of("as documented", "under any scheme", "up to a colon")
    """How a library reads the pair: it ignores the scheme, or ends the secret at a second colon."""
    reason_form: str = one_of("as sent", "trimmed", "composed")
    """The reason is kept as it came, without white space around it, or in Unicode NFC."""
    reason_units: str = one_of("characters", "UTF-16")
    """The units that limit a reason: an emoji has two of UTF-16, as strings of many languages have them."""
    merchant_reference: str = one_of("given", "none")
    """Whether orders have one: it is optional."""
    unknown_fields: str = one_of("ignored", "refused")
    """The treatment of a body with more in it than a reason."""
    failure_message_absent: str = one_of("null", "empty", "default")
    null_reason: str = one_of("absent", "refused")
    empty_body: str = one_of("accepted", "refused")
    foreign_content_type: str = one_of("refused", "accepted")
    key_check: str = one_of("after_lookup", "before_lookup")
    """Whether a reused key is a conflict even where the id is unknown."""
    keys_hold_for: str = one_of("merchant", "intent")
    """Whether a key is used up for all intents of a merchant, or for the one that it was sent to."""
    in_flight: str = one_of("wait", "409")
    hang_up: str = one_of("ignored", "stops")
    """Whether a cancel is stopped when its caller hangs up; its key is let go of a second later."""
    keys_kept_s: float = 0.0
    """For how many seconds a key is remembered; 0 is for ever."""
    long_key: str = one_of("refused", "framework")
    """A key that is too long is refused by the API, or by its framework with a 422 in a form of its own."""
    replay_header: bool = False
    replay_refusals: bool = False
    """Keep a 422 under its key, too."""
    listing: str = one_of("none", "own")
    """Whether there is a list of intents, of those that the caller may see."""
    head: str = one_of("as GET", "open")
    """Whether HEAD is answered as GET is, or by a router, with 200 for any path."""
    named_merchant: str = one_of("ignored", "refused")
    """The treatment of a request that names another merchant or environment in a header, the query or the body."""
    decisions_kept_s: float = 0.0
    """For how many seconds a right pair is let in again, as a whole, without its secret being hashed."""
    webhook_form: str = one_of("plain", "base64", "text", "delivery", "change")
    """An event is delivered by itself, within the message of a queue, in deliveries that have ids of their own, or
    with the intent as it was before."""
    webhook_deliveries: int = 1
    """How often each event is delivered."""
    terminal: tuple[str, ...] = ("cancelled", "paid", "failed")
    """Names of an intent's terminal states; the second is where settlement leads."""
    seeded_failure_code: bool = True
    """Intents that are set up as cancelled have the `failure_code` that a cancel leaves."""
