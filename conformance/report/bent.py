"""How checks say that a pair of key and secret was changed, and what a shell makes of it. Pure; no errors.

Records don't keep credentials that are nearly right. Where the words say how these differed from the right ones, a
script makes them again from the variables that hold those.
"""

from collections.abc import Mapping

# A credential as it is.
_RIGHT = "${{}}"
_WRONG = "no-such-secret-at-all"
_NOBODY = "nobody-has-this-key"
_OTHER_CASE = "$(printf %s \"${{}}\" | tr 'a-zA-Z' 'A-Za-z')"
# Of each change the words of key and secret, with `{}` in place of the name of a variable.
_OF_SECRET = {
    "without the secret's last character": "${{}%?}",
    "without the secret's first character": "${{}#?}",
    "with a character behind the secret": "${{}}x",
    "with a secret that differs in its last character": "${{}%?}-",
    "with a secret that differs in its first character": "-${{}#?}",
    "with a blank behind the secret": "${{}} ",
    "with a blank before the secret": " ${{}}",
    "with a colon and more behind the secret": "${{}}:more",
    "with a colon behind the secret": "${{}}:",
    "with a colon before the secret": ":${{}}",
    "with a wrong secret that has a colon in it": f"{_WRONG}:{_WRONG}",
    "with a wrong secret that ends in a colon": f"{_WRONG}:",
    "with a colon for a secret": ":",
    "with an empty secret": "",
    "with null for a secret": "null",
    "with undefined for a secret": "undefined",
    "with a blank for a secret": " ",
    "with a wildcard for a secret": "%",
    "with an asterisk for a secret": "*",
    "with a pattern for a secret": ".*",
    "with a secret in the other letter case": _OTHER_CASE,
    "with the secret's first 8 characters": '$(printf %s "${{}}" | cut -c1-8)',
    "with the secret's first character": '$(printf %s "${{}}" | cut -c1)',
    "with the secret's characters in the opposite order": '$(printf %s "${{}}" | rev)',
}
_OF_KEY = {
    "with a blank behind the key": "${{}} ",
    "with a blank before the key": " ${{}}",
    "with a character behind the key": "${{}}x",
    "with a colon and more behind the key": "${{}}:more",
    "without the key's last character": "${{}%?}",
    "with a key in the other letter case": _OTHER_CASE,
    "with the right secret and an unknown key": _NOBODY,
    "with an unknown key": _NOBODY,
    "with a wildcard for a key": "%",
    "without a key": "",
}
_OF_BOTH = {
    "with an unknown key and no secret": (_NOBODY, ""),
    "with an unknown key, and its own name for a secret": ("nobody", "nobody"),
    "with an unknown key and undefined for a secret": ("nobody", "undefined"),
}
_PAIRS: Mapping[str, tuple[str, str]] = {
    **{words: (_RIGHT, secret) for words, secret in _OF_SECRET.items()},
    **{words: (key, _RIGHT) for words, key in _OF_KEY.items()},
    **_OF_BOTH,
}


def pair(said: str) -> tuple[str, str] | None:
    """Returns the words of a shell for key and secret, with `{}` for the name of each variable; None if unknown.

    `said` is what was sent, in words. The longest phrase in it counts.
    """
    found = max((words for words in _PAIRS if words in said), key=len, default="")
    return _PAIRS.get(found)
