"""Variants that the document of withdraws leaves open: switches between implementations, all of them honest."""

from dataclasses import dataclass

from conformance.sandbox.variants import one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawVariants:
    """One honest implementation of withdraws."""

    freshness: bool = True
    """Refuse a timestamp more than five minutes away."""
    timestamps: str = one_of("digits", "int()", "Number()")
    """How a timestamp is read: as digits alone, as by Python's int(), or as by JavaScript's Number()."""
    covers: str = one_of("every body", "json")
    """Which bodies the signature covers; the raw one may be there for JSON only."""
    decodes_hex: str = one_of("strictly", "up to what is none")
    """How a signature is read: as a whole, or as Node.js decodes hex, without the rest that is none or half a byte."""
    processing_cancellable: bool = True
    pays: str = one_of("open ones", "processing ones")
    """Withdraws that are paid when that is asked for: a pending one at once, or only one that is with its provider."""
    always_cancellable: bool = False
    """Every provider supports it, so one that doesn't can't be set up."""
    read_endpoint: bool = True
    """Offer `GET /api/v1/withdraws/{id}`, which no document mentions."""
    tells_support: bool = True
    """The answer to a setup repeats whether the provider supports cancelling."""
    amounts: str = one_of("text", "printed")
    """Amounts are kept as text, or are numbers, of any cents, that lose their last zero when printed."""
    hang_up: str = one_of("ignored", "stops")
    """A handler whose caller hangs up goes on, or is stopped and lets go of its lock a second later."""
    while_locked: str = one_of("waits", "409")
    """A cancel beside another one of the same withdraw waits for it, or is refused meanwhile."""
    refuses_replays: bool = False
    """A request that was let in is refused when it comes again, with the same timestamp and signature."""
    sets_cookie: bool = False
    """Answers set a cookie, as something in front may do, which stands in for nothing."""
    extras: str = one_of("ignored", "refused")
    """A body or a query, which no document has, is ignored or refused."""
    refusals: int = 0
    """The number of failed authentications that close one withdraw to everybody (423); 0 is without limit."""
