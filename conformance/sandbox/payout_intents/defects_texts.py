"""Payout intents that measure, cut or render the reason in another form than its text."""

import html
import re
from urllib.parse import quote

from conformance.sandbox import steps
from conformance.sandbox.payout_intents import changes as own
from conformance.sandbox.payout_intents.changes import pi
from conformance.sandbox.payout_intents.reference import REASON_LIMIT

# Laid out as a table, a defect per line.
# fmt: off

# Measured or cut in another form

pi("pi-html-escapes-count", "PI-24",
   "The limit counts the HTML-escaped text: < is &lt;, four characters.",
   own.measures(lambda reason: len(html.escape(reason, quote=False))))
pi("pi-unicode-escapes-count", "PI-24",
   "The limit counts the JSON text of this language, in which <, > and & are escapes of six characters.",
   own.measures(lambda reason: len(re.sub("[<>&]", "......", reason))))
pi("pi-url-escapes-count", "PI-24, PI-26",
   "The limit counts the percent-encoded text: %20 or %2F for each blank and slash.",
   own.measures(lambda reason: len(quote(reason, safe=""))))
pi("pi-escaped-text-is-cut", "PI-24",
   "The text is escaped for HTML, cut at 512 characters, and unescaped when it is shown.",
   own.stores(lambda reason: html.unescape(html.escape(reason)[:REASON_LIMIT])))
pi("pi-long-text-is-cut-at-2000-bytes", "PI-24",
   "The column holds 2,000 bytes: 512 characters of three bytes fit, and those of four bytes are cut.",
   own.stores(lambda reason: reason.encode()[:2000].decode("utf-8", "ignore")))
pi("pi-long-text-is-cut-in-utf-16", "PI-24",
   "The limit counts characters, and the text is cut at 512 UTF-16 units, of which an emoji has two.",
   own.stores(lambda reason: reason.encode("utf-16-le")[:2 * REASON_LIMIT].decode("utf-16-le", "ignore")))

# Taken for a template

_NOTHING_BY_THESE = {"$$": "$", "$&": "{reason}", "$`": "", "$'": ""}

pi("pi-dollar-signs-are-replaced", "PI-27",
   "The reason is used as the replacement of a string: $$ becomes $, and $& the text replaced.",
   own.stores(lambda reason: re.sub(r"\$[$&`']", lambda found: _NOTHING_BY_THESE[found[0]], reason)))
pi("pi-back-references-are-resolved", "PI-27",
   r"The reason is used as the replacement of a regular expression: \1 and $1 become empty groups.",
   own.stores(lambda reason: re.sub(r"\\\d|\$\d", "", reason)))
pi("pi-braces-are-formatted", "PI-27",
   "The reason is used as a format string: doubled braces become single ones.",
   own.stores(lambda reason: reason.replace("{{", "{").replace("}}", "}")))
pi("pi-braces-are-looked-up", "PI-27",
   "The reason is used as a format string: {0} has no argument, and ends in a 500.",
   own.stores(lambda reason: steps.crash("Replacement index 0 out of range") if "{0}" in reason else reason))
pi("pi-percent-signs-are-formatted", "PI-27",
   "The reason is used as a printf format: %% becomes %, and %s the word (null).",
   own.stores(lambda reason: reason.replace("%%", "%").replace("%s", "(null)")))
pi("pi-percent-names-are-looked-up", "PI-27",
   "The reason is used as a format with names: %(x)s has no value, and ends in a 500.",
   own.stores(lambda reason: re.sub(r"%\(\w+\)s", "", reason)))
pi("pi-expressions-are-evaluated", "PI-27",
   "The reason is rendered by a template engine: {{6*7}} comes back as 42.",
   own.stores(lambda reason: re.sub(r"\{\{ *6 *\* *7 *\}\}", "42", reason)))
pi("pi-dollar-names-are-looked-up", "PI-27",
   "${x} in the reason is replaced by a setting's value, which is empty.",
   own.stores(lambda reason: re.sub(r"\$\{\w+\}", "", reason)))
pi("pi-hash-names-are-looked-up", "PI-27", "#{x} in the reason is evaluated as an expression, which is empty.",
   own.stores(lambda reason: re.sub(r"#\{\w+\}", "", reason)))
pi("pi-tags-are-rendered", "PI-27", "<%= x %> in the reason is rendered as a template's tag.",
   own.stores(lambda reason: re.sub(r"<%.*?%>", "", reason)))
pi("pi-block-tags-are-rendered", "PI-27",
   "{% x %} and {# x #} in the reason are taken for a template's tags and comments.",
   own.stores(lambda reason: re.sub(r"\{%.*?%\}|\{#.*?#\}", "", reason)))
pi("pi-colon-names-are-bound", "PI-27",
   "A name behind a colon in the reason is taken for a parameter of the database query.",
   own.stores(lambda reason: re.sub(r"(?<![\w:]):[a-z]\w*", "NULL", reason)))
pi("pi-variables-are-expanded", "PI-27",
   "The reason goes through a shell: $x and %X% are variables without a value.",
   own.stores(lambda reason: re.sub(r"\$[A-Za-z]\w*|%[A-Z]+%", "", reason)))
