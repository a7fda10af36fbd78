"""Says in Markdown what a change adds to a registry: a comment on a pull request. Pure; no errors.

Whatever a certificate or the name of a folder says means only itself here: no mention, no link, no picture.
"""

from conformance.registry.entry import ATTESTED, Entry, Implementation, Registry, Standing
from conformance.report.explain import OUTCOMES
from conformance.report.safe import counted
from conformance.report.summary import text

# So many rows: a comment is no report.
_ROWS = 50


def markdown(registry: Registry) -> str:
    """A heading, and a row for each certificate that is new, or stands otherwise than before."""
    new = [(one, entry) for one in registry.implementations for entry in one.entries if entry.new]
    refused = sum(entry.standing is Standing.REFUSED for _, entry in new)
    head = "Nothing changes in the registry."
    if new:
        head = f"{counted(len(new), 'certificate')} new or changed"
        head += f", {refused} **refused**." if refused else ", none refused."
    lines = ["### Conformance registry", "", head]
    if new:
        lines += ["", "| implementation | certificate | verified | what it says |", "|---|---|---|---|"]
        lines += [_row(one, entry) for one, entry in new[:_ROWS]]
    if len(new) > _ROWS:
        lines += ["", f"… and {len(new) - _ROWS} more: see the site."]
    return "\n".join(lines) + "\n"


def _row(one: Implementation, entry: Entry) -> str:
    cells = [text(one.name, 80), text(entry.path, 120), entry.standing.value, _says(entry)]
    return f"| {' | '.join(cells)} |"


def _says(entry: Entry) -> str:
    claim = entry.claim
    if claim is None:
        return text(f"{entry.reason}. {entry.hint}" if entry.hint else entry.reason, 600)
    open_ = {OUTCOMES[one]: ids for one in OUTCOMES if one.value != "passed" and (ids := claim.ids(one))}
    details = "; ".join(
        f"{words}: {', '.join(ids[:6])}{' …' if len(ids) > 6 else ''}" for words, ids in open_.items()
    )
    recomputed = "verdict recomputed" if claim.recomputed else "verdict not recomputed"
    said = f"{claim.words}, {claim.api}, {claim.target} at {claim.base_url}, run of {claim.finished_at[:10]}"
    rest = f"expires {claim.expires_at[:10]}; {ATTESTED[claim.attested]}; {recomputed}"
    return text(f"{said}; {rest}" + (f"; {details}" if details else ""), 800)
