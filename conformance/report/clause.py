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
_REFERS = re.compile(r"^(?:The same|Such|This|These|It|They)\b|\bNOT either\b")
# The body of an answer, and all that follows it.
_CITED = re.compile(r"\((?:the (?:first )?answer was|\w+ was answered)? ?\d* ?[{\[<].*$", re.DOTALL)
_WEIGHTS = (3.0, 1.5, 0.5)
_WORD = re.compile(r"[A-Za-z_]\w{3,}|\b[1-5]\d\d\b")


def broken(statement: str, *said: str, level: str = "") -> str:
    """Returns the sentence of `statement` that is most like what was `said`; the first where none is like it.

    What is said first weighs most: what the target did, what was expected, what came. An answer that is cited in it
    isn't what it says. Where some ask by the word of the `level` that was broken, it is one of them.
    """
    sentences = _SENTENCE.split(statement.strip())
    if len(sentences) < 2:
        return statement.strip()
    words = [stems(one) for one in sentences]
    often = Counter(word for one in words for word in one)
    told = [stems(_CITED.sub("", one)) for one in said]
    met = {word: _WEIGHTS[min(place, 2)] for place, one in reversed(list(enumerate(told))) for word in one}
    pairs = list(zip(sentences, words, strict=True))
    asking = [pair for pair in pairs if level and re.search(rf"\b{level}\b", pair[0])]
    # Sooner the earlier one: the first sentence says what it is about.
    found = max(
        asking or pairs,
        key=lambda pair: round(sum(met.get(word, 0) / often[word] ** 2 for word in pair[1]), 6),
    )[0]
    place = sentences.index(found)
    # One that speaks of another one isn't understood without it.
    return f"{sentences[place - 1]} {found}" if place and _REFERS.search(found) else found


def stems(text: str) -> set[str]:
    """Returns the words of a text without their endings: `refused` and `refuses` are one."""
    return {
        re.sub(r"(?:led|ling|ed|ing|es|s)$", "", word.lower())
        for word in _WORD.findall(text)
        if word.lower() not in _ANY
    }
