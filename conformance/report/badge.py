"""A badge that says what came of a run: for a shields endpoint, and as a picture of its own. Pure; no errors.

The endpoint's fields are those of https://shields.io/badges/endpoint-badge.
"""

from markupsafe import escape

from conformance.model import RunRecord, Verdict
from conformance.report import codec, explain, unjudged
from conformance.report.safe import line

# White text on each has a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3).
COLOURS = {
    Verdict.CONFORMANT: "#1a7f37",
    Verdict.NON_CONFORMANT: "#cf222e",
    Verdict.INCONCLUSIVE: "#9a6700",
}
GREY = "#57606a"
_HEIGHT, _PAD = 20, 7
# Width of a character of 11 px Verdana or DejaVu Sans, roughly, for those that aren't about 7 wide.
_NARROW, _WIDE = " .,:;'|!()[]fijlrt-", "mwMW%@"


def endpoint(record: RunRecord) -> str:
    """The content of `badge.json`."""
    is_error = record.verdict is Verdict.NON_CONFORMANT
    return content(*_texts(record), COLOURS[record.verdict], is_error=is_error)


def svg(record: RunRecord) -> str:
    """The content of `badge.svg`: no script, style sheet, font or picture from anywhere else."""
    title = f"{explain.sentence(record)} {record.finished_at[:10]}"
    return picture(*_texts(record), COLOURS[record.verdict], title)


def content(label: str, message: str, colour: str, *, is_error: bool) -> str:
    """Returns the JSON of an endpoint for a badge with these texts; `colour` is `#` and six hexadecimal digits."""
    told = {
        "schemaVersion": 1,
        "label": label,
        "message": message,
        "color": colour.removeprefix("#"),
        "isError": is_error,
    }
    return codec.dumps(told, indent=2) + "\n"


def picture(label: str, message: str, colour: str, about: str) -> str:
    """A badge with these visible texts as SVG; `about` is what a screen reader says."""
    left, right = _width(label), _width(message)
    whole, title = left + right, escape(about)
    # Rounded at the outer ends. No ids: several badges may be put into one page.
    outer = "a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3"
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{_HEIGHT}" role="img" aria-label="{title}">
<title>{title}</title>
<path d="M{left} 0v{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="{GREY}"/>
<path d="M{left} 0h{right - 3}{outer}H{left}z" fill="{colour}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" aria-hidden="true">
<text x="{left / 2}" y="14" textLength="{left - 2 * _PAD}" lengthAdjust="spacingAndGlyphs">{escape(label)}</text>
<text x="{left + right / 2}" y="14" textLength="{right - 2 * _PAD}" \
lengthAdjust="spacingAndGlyphs">{escape(message)}</text>
</g>
</svg>
"""


def _texts(record: RunRecord) -> tuple[str, str]:
    """Returns the texts left and right: the API, and the verdict with the reasons why it isn't perfect."""
    counts = record.counts()
    failed, warned = counts["failed"], counts["warned"]
    unproven = sum(explain.counted_as_unproven(result) for result in record.requirements)
    open_ = unjudged.number(record)
    remark = {
        Verdict.CONFORMANT: (f", {warned} warned" if warned else "")
        + (f", {open_} not judged" if open_ else ""),
        Verdict.NON_CONFORMANT: f", {failed} failed",
        Verdict.INCONCLUSIVE: f", {unproven} unproven" if unproven else "",
    }[record.verdict]
    return line(f"{record.target.api} API", 60), explain.verdict_in_words(record).lower() + remark


def _width(text: str) -> int:
    return 2 * _PAD + round(sum(4 if char in _NARROW else 10 if char in _WIDE else 6.8 for char in text))
