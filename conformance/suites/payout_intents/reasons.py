"""Reasons that common mistakes change on their way, and which mistake changed one."""

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from conformance.http.reply import Reply
from conformance.oracles import equality, expect, hints, wording, written_json

_WORDS = "the quick brown fox jumps over the lazy dog and 0123456789 times around "

# Free text, by what it tries. Each holds capitals, so that nothing passes that changes their case.
FREE_TEXT = {
    "quotes": 'Customer\'s "change" of `mind` — “really” ‘so’ \'twice\' ""',
    "backslashes": r"C:\new\temp \u0041 \\server\ \" \' Done",
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
    "digits_and_addresses": "Card 4111111111111111, IBAN DE89370400440532013000, phone +60 12-3456789, "
    "to A.B@example.com, see https://example.com/a?b=1&c=2#d or www.example.com, token=abc123 password: Hunter2",
    "typing": "Wait... no -- Yes (c) (tm) -> <- => :smile: :) 1/2 x^2 !!! ??? ## #tag // y /* z */ ; -- k *** ~~ @all.",
    "invisible_characters": "Zero\u200bwidth, non\u200cjoiner, soft\u00adhyphen, word\u2060joiner, no\ufeffbreak",
    "looks_like_a_number": "00012.50",
    "looks_like_a_whole_number": "007",
    "looks_like_a_date": "2026-05-09T12:00:00Z",
    "looks_like_JSON": '{"Reason":  [1, 2.50]}',
    "looks_like_a_word_of_JSON": "null",
    "looks_like_a_boolean": "true",
    "looks_empty": "0",
    "looks_like_a_formula": "=SUM(A1:A9)+@x",
}
# Signs with blanks between them, so that the one that was changed can be named. No angle brackets but where they are
# meant: the checks of markup are about these.
TEMPLATES = {
    "dollar_signs": "Refund $$5 of $& then $1 or $0 and ${x} ${6*7} $x $(x) $`y` $'z' $!{x} $[x] US$",
    "braces": "Case {0} {} {x} {0:C} {{x}} {{6*7}} {{{x}}} {{.X}} {% x %} {# x #} [[x]] #{x} #{6*7} @{x} {=x}",
    "percent_signs": "Fee 5% or 100%% of %s %d %5d %1$s %(x)s %{x} %1 %n %x% %PATH% %@ %20",
    "tags_and_names": "Order <%= x %> <?= x ?> \\1 \\0 \\(x) \\n :name :1 ?1 @name @p1 @(x) *x* _x_ ~x~ __x__ [x](y)",
}
NOTHING = ("undefined", "null", "none", "nil", "nan", "[object object]", "{}", "<null>")
"""Words of programs for no value, in small letters."""
# A longer reason is described in messages, not shown.
_SHORT = 140
# Texts that libraries tidy up by default.
TIDY = ("outer_spaces", "odd_outer_spaces", "composed")


def plain(length: int) -> str:
    """`length` ASCII characters, the last of which is unlike its neighbours."""
    return (_WORDS * (length // len(_WORDS) + 1))[: length - 1] + "Z"


def repeated(alphabet: str, length: int) -> str:
    """`length` characters: an alphabet over and over."""
    return (alphabet * (length // len(alphabet) + 1))[:length]


LIMIT = 512
FULL = {
    "plain": plain(LIMIT),
    "escaped_quotes": repeated("\"quoted\" and 'so' ", LIMIT - 1) + "Z",
    "escaped_backslashes": repeated("C:\\temp\\new ", LIMIT - 1) + "Z",
    "escaped_line_breaks": repeated("Line\n\tindented\r\n", LIMIT - 1) + "Z",
    "escaped_markup": repeated("a<b> & c>d&e ", LIMIT - 1) + "Z",
}
FULL_OF = {
    "plain": "letters and digits",
    "escaped_quotes": "many of them quotes",
    "escaped_backslashes": "many of them backslashes",
    "escaped_line_breaks": "many of them line breaks",
    "escaped_markup": "many of them `<`, `>` and `&`",
}
"""The contents of the reasons of FULL, in words."""
# In each part as many characters that are escaped as in any of the reasons that are full of one kind of them.
_DENSE = '"\\<&>\r\n\t"\\>\n&<\'\\n'
FULL_OF_ALL = repeated(_DENSE, LIMIT - 1) + "Z"
"""A reason that is full of all of these at once."""
LONG = {
    "512_of_two_bytes": repeated("äöüßéñåøłж", LIMIT),
    "512_of_three_bytes": repeated("取消订单的原因是重复付款請確認", LIMIT),
    "128_emoji": repeated("😀💸🚀🐘", 128),
}
# Whoever counts units of UTF-16 may refuse these; what is accepted is kept.
LONGER = {"512_of_four_bytes": repeated("😀💸🚀🐘", LIMIT)}


def long_reason(which: str) -> str:
    """A reason of LONG as the subject of a sentence."""
    return f"a reason of {which.replace('_of_', ' characters of ').replace('_', ' ')}" + (
        " each" if "_of_" in which else " of four bytes each"
    )


def free_text(which: str) -> str:
    """A reason of FREE_TEXT in words: `with quotes`, `that looks like a number`."""
    words = which.replace("_", " ")
    return f"that {words}" if which.startswith("looks") else f"with {_KINDS.get(which, words)}"


_KINDS = {
    "markup": "HTML tags",
    "entities": "HTML entities",
    "accents": "accented letters",
    "right_to_left": "Hebrew and Arabic letters",
    "asian": "Asian letters",
    "composed": "letters in several forms of Unicode",
    "compatible": "compatibility forms of Unicode",
    "digits_and_addresses": "long numbers, addresses and words before an equals sign",
    "typing": "dots, dashes and signs of a keyboard",
    "invisible_characters": "invisible characters of Unicode",
    "outer_spaces": "blanks around it",
    "odd_outer_spaces": "Unicode blanks around it",
}


def echoes(
    reply: Reply,
    reason: str,
    where: str,
    *,
    what: str = "",
    reply_to: Reply | None = None,
    read: Reply | None = None,
    hint: str = "",
) -> None:
    """failure_message is the reason, character by character; `where` says in which answer it stands.

    `what` describes a reason that is more than plain text ("with quotes"). `read` is a GET afterwards, which shows
    whether a wrong text was kept; `reply_to` is the answer to the cancel, where `reply` is that GET.
    """
    value = reply.at("failure_message")
    if equality.same(value, reason):
        return
    raise expect.Violation(
        expected=f"failure_message in {where} to be the reason as it was sent, {described(reason, what)}",
        observed=f"{difference(reason, reply)} ({wording.shown(reply, 'failure_message')})"
        if isinstance(value, str)
        else expect.observed(reply, "failure_message"),
        reply=reply,
        hint=hints.by_answer(reply, hint or _hint(reason, value, reply_to)),
        fault=changed(reason, reply, where, what),
        persisted=wording.read_shows(read, "failure_message", value, equality.is_same_as(reason)),
    )


def changed(reason: str, reply: Reply, where: str, what: str = "") -> str:
    """The title of a reason that didn't come back: how it was changed, and in which answer."""
    value = reply.at("failure_message")
    if not isinstance(value, str):
        return wording.was(
            reply, "failure_message", f"{where}{f' with a reason {what}' if what else ' with a reason'}"
        )
    if not value:
        return f"failure_message was empty in {where}{f' with a reason {what}' if what else ' with a reason'}"
    whose = f"A reason {what}" if what else "The reason"
    if _mistake(reason, value) in _CHARACTERS:
        # Any reason with such characters comes back so, whatever else this one tries.
        return f"Characters of a reason came back changed in {where}: {difference(reason, reply)}"
    if reason.startswith(value):
        size = len(value.encode("utf-8", "replace"))
        in_bytes = f" ({size} bytes)" if size != len(value) else ""
        return f"{whose} came back cut to {len(value)} characters{in_bytes} in {where}"
    return f"{whose} came back changed in {where}: {difference(reason, reply)}"


def described(reason: str, what: str = "") -> str:
    """A reason in a message: as it is, or its length and kind where it is long."""
    if len(reason) <= _SHORT:
        return wording.value(reason)
    return f"{len(reason)} characters{f' ({what})' if what else ''}"


def _hint(reason: str, value: Any, reply_to: Reply | None) -> str:
    """Returns the hint where to look, from what became of a reason."""
    if reply_to is not None and equality.same(reply_to.at("failure_message"), reason):
        return "The answer to the cancel had it: is it saved with the status, and read as it was saved?"
    if not isinstance(value, str):
        return "Is the reason put into failure_message?"
    mistake = _mistake(reason, value)
    if mistake in _CHARACTERS:
        return _CHARACTERS[mistake]
    if mistake == written_json.ANEW:
        return (
            "Keep the reason as the text that it is: don't parse one that looks like JSON, nor keep it in a column "
            "of JSON, which writes it anew."
        )
    if value and reason.startswith(value):
        return "A column or a limit is shorter than 512 characters, or counts bytes; or a character ended the text."
    return "Keep and show the reason as it is: escape for a page or a query only where one is made."


def difference(sent: str, reply: Reply) -> str:
    """How a reason was changed, in words."""
    return differs(sent, reply.recorded("failure_message"))


def differs(sent: str, came: Any) -> str:
    """How a reason was changed into any JSON value, in words."""
    if not isinstance(came, str):
        return f"failure_message is {wording.value(came)}"
    if not came:
        return "failure_message is empty"
    if came != sent and sent.startswith(came):
        return (
            f"cut after {len(came)} of {len(sent)} characters ({len(came.encode('utf-8', 'replace'))} bytes)"
        )
    what = _mistake(sent, came)
    if what == written_json.ANEW:
        return f"{what}: {written_json.difference(sent, came)}"
    if what:
        return f"{what}; {wording.difference(sent, came)}"
    if sent and sent in came:
        return "other text stands around it"
    return wording.difference(sent, came)


def _mistake(sent: str, came: str) -> str:
    """Returns what makes one text of the other; empty where it is no common mistake."""
    found = next((what for what, change in _MISTAKES if change(sent) == came), "")
    return found or (written_json.ANEW if written_json.is_written_anew(sent, came) else "")


def _mojibake(text: str) -> str:
    return text.encode().decode("latin-1")


def _low_bytes(text: str) -> str:
    """The low byte of each unit of UTF-16, as Node.js writes a text as Latin-1."""
    return text.encode("utf-16-le", "surrogatepass")[::2].decode("latin-1")


_MISTAKES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("white space was trimmed", str.strip),
    ("white space was trimmed and joined", lambda text: " ".join(text.split())),
    ("escaped for HTML", html.escape),
    ("escaped for HTML", lambda text: html.escape(text, quote=False)),
    ("HTML entities were resolved", html.unescape),
    ("what looks like a tag was removed", lambda text: re.sub(r"<[^>]*>", "", text)),
    ("line breaks were changed", lambda text: re.sub(r"\r\n?", "\n", text)),
    ("line breaks were changed", lambda text: re.sub(r"[\r\n]+", " ", text)),
    ("normalised (NFC)", lambda text: unicodedata.normalize("NFC", text)),
    ("normalised (NFD)", lambda text: unicodedata.normalize("NFD", text)),
    ("normalised (NFKC)", lambda text: unicodedata.normalize("NFKC", text)),
    ("in small letters", str.lower),
    ("in capitals", str.upper),
    ("UTF-8 read as Latin-1", _mojibake),
    ("UTF-8 read as Windows-1252", lambda text: text.encode().decode("cp1252", "replace")),
    ("characters beyond Latin-1 lost their upper byte", _low_bytes),
    ("what isn't Latin-1 was replaced", lambda text: text.encode("latin-1", "replace").decode("latin-1")),
    ("what isn't ASCII was replaced", lambda text: text.encode("ascii", "replace").decode("ascii")),
    ("what isn't ASCII was dropped", lambda text: text.encode("ascii", "ignore").decode("ascii")),
    ("characters of four bytes were replaced", lambda text: re.sub(r"[^\u0000-\uffff]", "?", text)),
    ("characters of four bytes were dropped", lambda text: re.sub(r"[^\u0000-\uffff]", "", text)),
    ("quotes were escaped", lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")),
)
_NORMALISED = (
    "Is the text normalised on its way (unicodedata.normalize, String.normalize)? Keep it as it came."
)
_CHARSET = "Is UTF-8 read, sent and saved as UTF-8 at each step: body, connection to the database, column?"
_FOUR_BYTES = "A column of three-byte UTF-8 (MySQL's utf8) can't hold them: use one of four bytes (utf8mb4)."
_CHARACTERS = {
    "normalised (NFC)": _NORMALISED,
    "normalised (NFD)": _NORMALISED,
    "normalised (NFKC)": _NORMALISED,
    "UTF-8 read as Latin-1": _CHARSET,
    "UTF-8 read as Windows-1252": _CHARSET,
    "characters beyond Latin-1 lost their upper byte": _CHARSET,
    "what isn't Latin-1 was replaced": _CHARSET,
    "what isn't ASCII was replaced": _CHARSET,
    "what isn't ASCII was dropped": _CHARSET,
    "characters of four bytes were replaced": _FOUR_BYTES,
    "characters of four bytes were dropped": _FOUR_BYTES,
}
"""Mistakes that are about characters, whatever the reason is about, and the hint for each."""
