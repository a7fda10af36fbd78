"""How long a line of a request is that every server has to read."""

# A front server may cut off, or refuse in its own way, a request line or a header that is longer than it reads.
LONG = 8_000
