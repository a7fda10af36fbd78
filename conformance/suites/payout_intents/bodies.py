"""Bodies that no document describes, and reasons that are no text, with the words that messages have for them."""

from typing import Any

NO_STRING: dict[str, Any] = {
    "number": 12.5,
    "zero": 0,
    "true": True,
    "false": False,
    "array": ["ordered twice"],
    "object": {"text": "ordered twice"},
}
ODD_BODIES: dict[str, bytes | None] = {
    "none": None,
    "empty": b"",
    "broken_JSON": b'{"reason": "ordered',
    "more_behind": b'{"reason": "ordered twice"} {}',
    "NaN": b'{"reason": NaN}',
    "array": b"[]",
    "string": b'"ordered twice"',
    "null": b"null",
    "key_twice": b'{"reason": "one", "reason": "two"}',
    "deep_arrays": b'{"reason": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "invalid_UTF-8": b'{"reason": "ordered \xff\xfe\xc3 twice"}',
    "byte_order_mark": b'\xef\xbb\xbf{"reason": "ordered twice"}',
    "NUL_in_the_reason": b'{"reason": "ordered\\u0000twice"}',
    "half_a_surrogate_pair": b'{"reason": "ordered \\ud83d twice"}',
}
BODIES_IN_WORDS = {
    "none": "a cancel without a body",
    "empty": "an empty body",
    "broken_JSON": "a body that ends in the middle of JSON",
    "more_behind": "a body of two JSON objects",
    "NaN": "a body with NaN for the reason",
    "array": "an array for a body",
    "string": "a string for a body",
    "null": "null for a body",
    "key_twice": "a body with the key reason twice",
    "deep_arrays": "a reason of 20,000 arrays in each other",
    "invalid_UTF-8": "a reason that is not UTF-8",
    "byte_order_mark": "a body with a byte order mark",
    "NUL_in_the_reason": "a reason with a NUL character (\\u0000)",
    "half_a_surrogate_pair": "a reason with half of a surrogate pair (\\ud83d)",
}
"""The bodies of ODD_BODIES as the subject of a sentence."""

SENT_ALONG = {
    "amount": "1",
    "currency": "XTS",
    "country": "ZZ",
    "merchant_reference": "sent along",
    "recipient": {
        "type": "bank_account",
        "account_last4": "0001",
        "bank_code": "X",
        "holder_name": "Mallory",
    },
}
"""Fields of an order, with values that no order has, to send along with a reason."""
