"""The words for requests that are wrong on purpose, each as the subject of a sentence, and the hints that go with them.

Titles are made from them: "A cancel without X-API-Key was accepted (200)".
"""

from conformance.suites.withdraws.bad_requests import HEADERS

# What a case does to a documented request.
NAMES: dict[str, str] = {
    **{f"no_{name}": f"without {name}" for name in HEADERS},
    **{f"empty_{name}": f"with an empty {name}" for name in HEADERS},
    "none_of_the_headers": "without any of the three headers",
    "only_the_key": "with X-API-Key alone",
    "another_scheme_instead": "with Authorization: Bearer in place of the three headers",
    "empty_signature_and_timestamp": "with an empty X-Signature and an empty X-Timestamp",
    "unrelated_secret": "signed with another secret",
    "empty_secret": "signed with an empty secret",
    "secret_without_its_last_character": "signed with the secret without its last character",
    "secret_without_its_first_character": "signed with the secret without its first character",
    "secret_with_its_last_character_changed": "signed with a secret whose last character is another",
    "secret_with_one_character_more": "signed with the secret and one character more",
    "secret_in_the_other_letter_case": "signed with the secret in the other letter case",
    "api_key_as_secret": "signed with the API key in place of the secret",
    "unkeyed_hash": "with a SHA-256 without any secret for its signature",
    "over_the_body_alone": "signed over the body alone",
    "over_a_dot_and_the_body": "signed over a dot and the body, without the timestamp",
    "over_the_timestamp_alone": "signed over the timestamp alone, without the dot",
    "neighbouring_millisecond": "with the signature of the millisecond beside its timestamp",
    "timestamp_of_a_second_earlier": "with the signature of a timestamp a second later",
    "signature_of_another_body": "with the signature of another body",
    "no_digits": "with sha256= and no digits for its signature",
    "first_digit_only": "with only the first digit of its signature",
    **{f"first_{n}_digits": f"with only the first {n} digits of its signature" for n in (8, 20, 32, 40)},
    "all_digits_but_the_last": "without the last digit of its signature",
    "all_digits_but_the_last_two": "without the last two digits of its signature",
    "all_digits_but_the_first": "without the first digit of its signature",
    "one_digit_more": "with a digit more behind its signature",
    "two_digits_more": "with two digits more behind its signature",
    "two_digits_before": "with two digits more before its signature",
    "two_zeros_before": "with two zeros before its signature",
    "all_digits_and_then_words": "with letters behind its signature",
    "all_digits_and_then_an_equals_sign": "with =0 behind its signature",
    "all_digits_and_then_a_comma": "with ,0 behind its signature",
    "last_digit_changed": "with the last digit of its signature changed",
    "first_digit_changed": "with the first digit of its signature changed",
    "second_half_changed": "with the second half of its signature changed",
    "first_half_changed": "with the first half of its signature changed",
    "middle_digit_changed": "with a digit in the middle of its signature changed",
    "digits_reversed": "with the digits of its signature in reverse",
    "not_hex": "with a signature that isn't hex",
    "all_zeros": "with a signature of zeros",
    "algorithm_none": "with none= for its signature",
    "unknown_key": "with an unknown API key",
    "unknown_key_and_empty_secret": "with an unknown API key, signed with an empty secret",
    "unknown_key_and_secret_undefined": "with an unknown API key, signed with the secret undefined",
    "unknown_key_and_secret_null": "with an unknown API key, signed with the secret null",
    "unknown_key_and_secret_None": "with an unknown API key, signed with the secret None",
    "key_without_its_last_character": "with the API key without its last character",
    "key_with_one_character_more": "with the API key and one character more",
    "key_with_its_last_character_changed": "with an API key whose last character is another",
    "wildcard_as_key": "with the API key %",
    "name_of_an_object_prototype_as_key": "with the API key constructor, signed with the secret undefined",
    "a_day_old": "with a timestamp of yesterday, correctly signed,",
    "a_day_ahead": "with a timestamp of tomorrow, correctly signed,",
    "of_1970": "with the timestamp 0, correctly signed,",
    "negative": "with a minus before its timestamp, correctly signed,",
    "words": 'with the word "yesterday" for its timestamp, correctly signed,',
    "NaN": "with the timestamp NaN, correctly signed,",
    "Infinity": "with the timestamp Infinity, correctly signed,",
    "far_ahead": "with a timestamp of 18 digits, correctly signed,",
    "of_40_digits": "with a timestamp of 40 digits, correctly signed,",
    "beyond_2_to_the_53": "with the timestamp 9007199254740993, correctly signed,",
    "now_and_then_words": "with ms behind its timestamp, correctly signed,",
    "no_credentials": "without credentials",
    "no_signature": "without X-Signature",
    "wrong_signature": "signed with another secret",
    "old_timestamp": "with a timestamp of 2001, correctly signed,",
}


_PROTOTYPES = ("constructor", "__proto__", "toString", "hasOwnProperty")
ODD_NAMES = {
    **{f"key_{name}": f"the API key {name}" for name in _PROTOTYPES},
    "key_not_UTF-8": "bytes that are not UTF-8 for its API key",
    "signature_not_UTF-8": "bytes that are not UTF-8 in its signature",
    "timestamp_not_UTF-8": "bytes that are not UTF-8 for its timestamp",
    "multibyte_signature": "32 letters é in its signature",
    "emoji_signature": "an emoji in its signature",
    "signature_of_10_kB": "a signature of 10 kB",
    "signature_without_digits": "the signature sha256=",
    "signature_of_one_digit": "the signature sha256=a",
    "other_scheme": "a signature behind md5=",
    "no_scheme_and_no_hex": "the signature ======",
    "multibyte_key": "an accent and an emoji in its API key",
    "key_of_10_kB": "an API key of 10 kB",
    "multibyte_timestamp": "the full-width digits １２３ for its timestamp",
    "timestamp_of_400_digits": "a timestamp of 400 digits",
    "timestamp_with_exponent": "the timestamp 1e400",
    "key_of_4000_characters": "an API key of 4,000 characters",
    "signature_of_4000_characters": "a signature of 4,000 digits",
    "timestamp_of_4000_digits": "a timestamp of 4,000 digits",
    **{f"timestamp_{name}": f"the timestamp {name}" for name in ("constructor", "__proto__")},
    "signature_constructor": "the signature sha256=constructor",
    "prototype_names_everywhere": "__proto__, constructor and toString for its three headers",
}

ODD_BODY_NAMES = {
    "no_JSON": "the body {",
    "list": "the body []",
    "null": "the body null",
    "infinite_number": "the number 1e999 in its JSON body",
    "text_not_UTF-8": "bytes that are not UTF-8 in its JSON body",
    "NUL": "a NUL in its JSON body",
    "lone_surrogate": "half of a surrogate pair in its JSON body",
    "prototype_names": "the keys __proto__ and constructor in its JSON body",
    "deep": "5,000 lists within each other in its body",
    "long": "a JSON body of 200 kB",
    "unknown_charset": "the charset nonsense in its Content-Type",
    "form_with_bad_escapes": "bad percent escapes in its form",
    "multipart_without_boundary": "multipart/form-data without a boundary",
    "no_type_at_all": "the Content-Type nonsense",
}

# What was done to a body after it was signed.
SPELT = {
    "blanks_added": "blanks put into it",
    "blanks_left_out": "its blanks taken out",
    "a_line_break_behind": "a line break put behind it",
}
BODY_NAMES = {
    "object": "the JSON body {}",
    "object_with_a_key": 'the JSON body {"amount":"1.00"}',
    "text": "the body cancel, of type application/json,",
    "space": "a blank for its body, of type application/json,",
    "newline": "a line break for its body, of type application/json,",
    "no_UTF-8": "three bytes that are not UTF-8 for its body, of type application/json,",
    "long": "a JSON body of 20 kB",
}
COVER = (
    "The signature that was sent is the one over an empty body: put the body's bytes, as they were received, into what "
    "is verified, `timestamp.body`, whatever the body is."
)
REQUIRE = "Require all three headers, and none of them empty, before anything is verified."
ITS_SECRET = "Verify with the secret that belongs to the key of the request, and with no other."
KNOWN_KEYS = "Refuse a key that isn't stored, character for character: no secret belongs to it."
ANY_CASE = "Header names have no letter case (RFC 9110 section 5.1), and HTTP/2 sends them in small letters."
ONE_PATH = "Authentication and routing have to agree on what the path is."
AS_BYTES = "Verify the bytes of the body as they were received, not parsed and written anew."
AS_IT_IS = (
    "Compare keys byte for byte. (The signature was a right one, so that this opens nothing to others.)"
)
FRESH = "Read the timestamp as digits alone, and compare it with now; the signature proves only who made it."
SENT_ELSEWHERE = (
    "Callers and monitoring tell failing credentials by 401 or 403; another status sends them elsewhere."
)


def cancel_with(case: str, kind: str = "a cancel") -> str:
    """A request as the subject of a sentence: `a cancel signed with an empty secret`."""
    return f"{kind} {NAMES[case]}"
