"""The length of a request line or header that every server has to read, in bytes."""

# A front server may cut off, or refuse in its own way, a longer one.
LONG = 8_000
