"""Reasons that common mistakes change on their way, and which mistake changed one."""

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from conformance.http.reply import MISSING, Reply
from conformance.oracles import equality, expect

_WORDS = "the quick brown fox jumps over the lazy dog and 0123456789 times around "

# Free text, by what it tries. Each holds capitals, so that nothing passes that changes their case.
FREE_TEXT = {
    "quotes": 'Customer\'s "change" of `mind` — “really” ‘so’ \'twice\' ""',
    "backslashes": r"C:\new\temp \u0041 \\server\ \" \' 100%% %s %d %20 $1 $status {X} {{Y}}",
    "line_breaks": "First line\nsecond\r\nthird\rfourth\n\nTab\there, one\u2028separated",
    "markup": "<b>Bold</b> <br/> <A href='x'>Link</A> 1 < 2 > 0 <3 <!-- Comment --> </p> <unknown> <script>1</script>",
    "entities": "Fish &amp; Chips &lt;b&gt; &#39;A&#39; &nbsp;&eacute; a&b=c+d, A.B@example.com",
    "accents": "Ärger in São Paulo: Łódź, Zürich, £, € 5, ½ Öre",
    "right_to_left": "טעות בסכום, בטל — تم الإلغاء بطلب العميل \u200f(12:30)\u200f",
    "asian": "客户要求取消 顧客の希望 고객 요청 ยกเลิกตามคำขอ 𠮷野家",
    "emoji": "Thumbs 👍🏽, family 👨‍👩‍👧, flag 🇲🇾, heart ❤️, 𝔘 Done ✅",
    "composed": "Cafe\u0301 and Caf\u00e9, \u212b, \u1e9b\u0323, \u1112\u1161\u11ab",
    "compatible": "\ufb01 \u2460 \uff21 \u00bd N\u00ba 1 \u2122 \uff76\uff9e X\u00b2",
    "outer_spaces": "   Outer  and  inner   spaces  ",
    "odd_outer_spaces": "\u00a0\u2003Spaces that aren't ASCII\u2003\u00a0",
    "looks_like_a_number": "00012.50",
    "looks_like_a_whole_number": "007",
    "looks_like_a_date": "2026-05-09T12:00:00Z",
    "looks_like_JSON": '{"Reason":  [1, 2.50]}',
    "looks_like_a_word_of_JSON": "null",
    "looks_like_a_boolean": "true",
    "looks_empty": "0",
    "looks_like_a_formula": "=SUM(A1:A9)+@x",
}
# Texts that libraries tidy up by default.
TIDY = ("outer_spaces", "odd_outer_spaces", "composed")


def plain(length: int) -> str:
    """`length` ASCII characters, the last of which is unlike its neighbours."""
    return (_WORDS * (length // len(_WORDS) + 1))[: length - 1] + "Z"


def repeated(alphabet: str, length: int) -> str:
    """`length` characters: an alphabet over and over."""
    return (alphabet * (length // len(alphabet) + 1))[:length]


def echoes(reply: Reply, reason: str, where: str) -> None:
    """failure_message is the reason, character by character."""
    value = reply.at("failure_message")
    expect.that(
        equality.same(value, reason),
        expected=f"failure_message in {where} to be the reason as it was sent ({_shown(reason)})",
        observed=difference(reason, value),
        reply=reply,
        hint="Keep and show the reason as it is: escape for a page or a query only where one is made.",
    )


def difference(sent: str, came: Any) -> str:
    """How a reason was changed, in words."""
    if came is MISSING:
        return "failure_message is missing"
    if not isinstance(came, str):
        return f"failure_message is {came!r}"
    if came and came != sent and sent.startswith(came):
        return f"it is cut after {len(came)} of {len(sent)} characters, which are {len(came.encode())} bytes"
    for what, change in _MISTAKES:
        if change(sent) == came:
            return f"{what}: {_shown(came)}"
    if sent and sent in came:
        return f"other text stands around the reason: {_shown(came)}"
    if not came:
        return "failure_message is empty"
    at = next(
        (i for i, (a, b) in enumerate(zip(sent, came, strict=False)) if a != b), min(len(sent), len(came))
    )
    return f"from character {at} on it is {_shown(came[at:])} instead of {_shown(sent[at:])}"


def _mojibake(text: str) -> str:
    return text.encode().decode("latin-1")


_MISTAKES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("white space was trimmed", str.strip),
    ("white space was trimmed and joined", lambda text: " ".join(text.split())),
    ("it was escaped for HTML", html.escape),
    ("it was escaped for HTML", lambda text: html.escape(text, quote=False)),
    ("HTML entities were resolved", html.unescape),
    ("what looks like a tag was removed", lambda text: re.sub(r"<[^>]*>", "", text)),
    ("line breaks were changed", lambda text: re.sub(r"\r\n?", "\n", text)),
    ("line breaks were changed", lambda text: re.sub(r"[\r\n]+", " ", text)),
    ("it was normalised (NFC)", lambda text: unicodedata.normalize("NFC", text)),
    ("it was normalised (NFD)", lambda text: unicodedata.normalize("NFD", text)),
    ("it was normalised (NFKC)", lambda text: unicodedata.normalize("NFKC", text)),
    ("its letters were made small", str.lower),
    ("its letters were made capitals", str.upper),
    ("its UTF-8 was read as Latin-1", _mojibake),
    ("what isn't Latin-1 was replaced", lambda text: text.encode("latin-1", "replace").decode("latin-1")),
    ("what isn't ASCII was replaced", lambda text: text.encode("ascii", "replace").decode("ascii")),
    ("what isn't ASCII was dropped", lambda text: text.encode("ascii", "ignore").decode("ascii")),
    ("characters of four bytes were replaced", lambda text: re.sub(r"[^\u0000-\uffff]", "?", text)),
    ("characters of four bytes were dropped", lambda text: re.sub(r"[^\u0000-\uffff]", "", text)),
    ("quotes were escaped", lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")),
)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else f"{text[:40]}...{text[-16:]}")
