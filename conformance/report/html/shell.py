"""The template engine of every page, and a policy that allows one style sheet and one script, by hash."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from conformance.report.safe import counted, line, visible

_TEMPLATES = Path(__file__).parents[1] / "templates"
_PARTS = (("style", "css"), ("script", "script"))


def prepare(template: str) -> None:
    """Compiles a template ahead of its first use."""
    _environment().get_template(template)


def render(
    template: str,
    css: tuple[str, ...] = ("report.css",),
    script: str | None = "report.js",
    **context: object,
) -> str:
    """A page: nothing is loaded, nothing runs but our own script, whatever the text on it says."""
    own = {"css": _own(*css), "script": _own(script) if script else ("", "")}
    allowed = "".join(f" {name}-src '{own[part][1]}';" for name, part in _PARTS if own[part][1])
    policy = f"default-src 'none';{allowed} base-uri 'none'; form-action 'none'"
    parts = {name: Markup(text) for name, (text, _) in own.items()}  # noqa: S704 - our own files, hashed for the policy
    return _environment().get_template(template).render(policy=policy, counted=counted, **parts, **context)


_ID = re.compile(r"\b[A-Z]{2,}-\d+\b")


@cache
def _own(*names: str) -> tuple[str, str]:
    """Returns the text of files of ours, and its digest as a content security policy names it."""
    text = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    return text, "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = line
    environment.filters["visible"] = lambda text, limit=4000: visible(text[:limit], newlines=True)[:limit]
    environment.filters["instant"] = lambda text: line(text)[:19].replace("T", " ") + " UTC"
    environment.filters["took"] = took
    environment.filters["breakable"] = breakable
    environment.filters["whole"] = whole
    return environment


def breakable(text: str) -> Markup:
    """`text` escaped; where JSON has no white space, it may be broken between two members."""
    return Markup(str(escape(text)).replace("&#34;,&#34;", "&#34;,<wbr>&#34;"))  # noqa: S704 - it is escaped


def whole(text: str) -> Markup:
    """`text` escaped; the id of a requirement in it isn't broken at its hyphen."""
    return Markup(_ID.sub(r'<span class="whole">\g<0></span>', str(escape(text))))  # noqa: S704 - it is escaped


def took(seconds: float | None) -> str:
    """`12 ms`, `3.4 s`, `2 min 5 s`; `unknown` for None."""
    if seconds is None:
        return "unknown"
    milliseconds = seconds * 1000
    if milliseconds < 999.5:
        return f"{milliseconds:.2g} ms" if milliseconds < 9.95 else f"{milliseconds:.0f} ms"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s".replace(".0 ", " ")
