"""The sentence of a requirement that a problem breaks, found by the words that both have. Pure; no errors.

A statement often asks for several things. The sentence that shares most with what was expected, and with what came
instead, is the one to show beside them; a word that every sentence has tells nothing.
"""

import re
from collections import Counter

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\w`\"'])")
# Words of any sentence.
_ANY = {
    "from",
    "have",
    "must",
    "should",
    "that",
    "their",
    "they",
    "this",
    "were",
    "what",
    "when",
    "which",
    "with",
}
_WORD = re.compile(r"[A-Za-z_]\w{3,}|\b[1-5]\d\d\b")


def broken(statement: str, *said: str) -> str:
    """Returns the sentence of `statement` that is most like what was `said`; the first where none is like it."""
    sentences = _SENTENCE.split(statement.strip())
    if len(sentences) < 2:
        return statement.strip()
    words = [_words(one) for one in sentences]
    often = Counter(word for one in words for word in one)
    met = _words(" ".join(said))
    # Sooner the earlier one: the first sentence says what it is about.
    return max(
        zip(sentences, words, strict=True),
        key=lambda pair: round(sum(1 / often[word] ** 2 for word in pair[1] & met), 6),
    )[0]


def _words(text: str) -> set[str]:
    """Returns the words without their endings: `refused` and `refuses` are one."""
    return {
        re.sub(r"(?:led|ling|ed|ing|es|s)$", "", word.lower())
        for word in _WORD.findall(text)
        if word.lower() not in _ANY
    }
