"""Writes a registry as a static site: no page loads anything, and each can be read without JavaScript.

```
index.html                     the table of all implementations
registry.json                  the same for programs (specs/formats/registry.schema.json)
implementations/NAME.html      one implementation with its history
badges/NAME.svg, NAME.json     its badge (the worst of its APIs); badges/NAME/API.svg and .json are those of one API
certificates/NAME-DIGEST.json  the certificates that are genuine, to be verified by others
```
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.certificate.issue import FILE as CERTIFICATE
from conformance.model import Outcome, Verdict
from conformance.registry.build import FILE
from conformance.registry.entry import ATTESTED, Claim, Entry, Implementation, Registry, Standing, to_json
from conformance.report import badge, codec, explain
from conformance.report.html import charts
from conformance.report.html.shell import render
from conformance.report.safe import line

_FOLDERS = ("implementations", "badges", "certificates")
_CSS, _SCRIPT = ("report.css", "registry.css"), "registry.js"
_IDS = 6
_BAD = (Outcome.FAILED, Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.DESELECTED, Outcome.WARNED)

STANDINGS = {
    "conformant": "conformant",
    "non_conformant": "non-conformant",
    "inconclusive": "inconclusive",
    "expired": "expired",
    "refused": "refused",
}
# The icon of each.
_ICONS = {"conformant": "passed", "non_conformant": "failed", "expired": "open", "refused": "failed"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: the newest certificate of an API, or all that are refused of an implementation."""

    implementation: Implementation
    entry: Entry | None
    refused: tuple[Entry, ...] = ()

    @property
    def standing(self) -> str:
        """A key of STANDINGS."""
        return "refused" if self.entry is None else standing(self.entry)


def write(registry: Registry, root: Path, site: Path) -> Path:
    """Writes the site into the folder `site`, made where it isn't there; returns the path of its first page.

    Files of an earlier registry that are in this one no longer are removed; others in the folder are left alone.
    `root` is the folder that the registry was made of. Raises OSError.
    """
    site.mkdir(parents=True, exist_ok=True)
    files = dict(_files(registry, root))
    old = {path for folder in _FOLDERS for path in (site / folder).rglob("*") if path.is_file()}
    ours = old if (site / FILE).exists() else set()
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        codec.replace_file(site / name, text)
    for path in ours - {site / name for name in files}:
        path.unlink()
    return site / "index.html"


def _files(registry: Registry, root: Path) -> Iterator[tuple[str, str]]:
    yield "index.html", index(registry)
    yield FILE, codec.lined(to_json(registry)) + "\n"
    for one in registry.implementations:
        if one.unnamed:
            continue
        yield one.page, page(registry, one)
        yield from _badges(one)
        for entry in one.entries:
            if entry.claim is not None:
                yield certificate(one, entry), (root / entry.path / CERTIFICATE).read_text(encoding="ascii")


def standing(entry: Entry) -> str:
    """Returns the standing that the table shows: the verdict while the certificate is valid, "expired" or "refused"."""
    if entry.claim is None:
        return "refused"
    return "expired" if entry.standing is Standing.EXPIRED else entry.claim.verdict.value


def certificate(one: Implementation, entry: Entry) -> str:
    """The address of a copy of a certificate within the site."""
    return f"certificates/{one.name}-{entry.digest.removeprefix('sha256:')[:16]}.json"


def rows(registry: Registry) -> list[Row]:
    """The rows of the table, by implementation and API."""
    found = []
    for one in registry.implementations:
        found += [Row(one, entry) for entry in one.current()]
        if one.refused():
            found.append(Row(one, None, one.refused()))
    return found


def index(registry: Registry) -> str:
    """The first page: the table of all implementations, with filters where there is JavaScript."""
    table = rows(registry)
    number = {name: sum(row.standing == name for row in table) for name in STANDINGS}
    kinds = {"expired": "deselected", "refused": "failed", "non_conformant": "failed"}
    tally = [(kinds.get(name, _tone(name)), STANDINGS[name], number[name]) for name in STANDINGS]
    return render(
        "registry.html",
        css=_CSS,
        script=_SCRIPT,
        rows=table,
        number=number,
        bar=charts.stacked(tally),
        apis=sorted({row.entry.claim.api for row in table if row.entry and row.entry.claim}),
        attested_by=sorted({row.entry.claim.attested for row in table if row.entry and row.entry.claim}),
        **_common(registry, ""),
    )


def page(registry: Registry, one: Implementation) -> str:
    """The page of one implementation: each API with its groups, what was verified, and its history."""
    return render(
        "implementation.html",
        css=_CSS,
        script=_SCRIPT,
        one=one,
        sections=[(entry, _history(one, entry)) for entry in one.current()],
        files={entry.path: "../" + certificate(one, entry) for entry in one.entries if entry.claim},
        badges={entry.claim.api: _texts(entry) for entry in one.current() if entry.claim},
        picture=_picture,
        not_passed=_not_passed,
        **_common(registry, "../"),
    )


def _common(registry: Registry, up: str) -> Mapping[str, object]:
    return {
        "registry": registry,
        "up": up,
        "standing": standing,
        "standings": STANDINGS,
        "icons": _ICONS,
        "attested": ATTESTED,
        "outcomes": explain.OUTCOMES,
        "in_short": _in_short,
        "tone": _tone,
        "day": _day,
    }


def _tone(name: str) -> str:
    """The class that colours a standing."""
    return {"expired": "deselected", "refused": "failed"}.get(name, name)


def _day(instant: str) -> str:
    return instant[:10]


def _in_short(claim: Claim) -> str:
    """`all 6 groups passed`, or the groups that didn't, with how many of their requirements."""
    open_ = [
        f"{group.name}: " + ", ".join(f"{count} {word}" for word, count in _counts(group.outcomes))
        for group in claim.groups
        if group.worst in _BAD
    ]
    return "; ".join(open_) or f"all {len(claim.groups)} groups passed"


def _counts(outcomes: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(explain.OUTCOMES[one], outcomes[one.value]) for one in _BAD if outcomes.get(one.value)]


def _not_passed(claim: Claim) -> list[tuple[str, list[str]]]:
    """The outcomes other than passed, in words, with the ids that have them."""
    return [
        (explain.OUTCOMES[one], list(ids))
        for one in (*_BAD, Outcome.NOT_APPLICABLE)
        if (ids := claim.ids(one))
    ]


def _history(one: Implementation, current: Entry) -> list[tuple[Entry, tuple[charts.Bar, ...], str]]:
    """Each certificate of an API, newest first: its outcomes as a bar, and what changed since the one before."""
    assert current.claim is not None
    entries = one.history(current.claim.api)
    found = []
    for entry, older in zip(entries, [*entries[1:], None], strict=True):
        assert entry.claim is not None
        counts = entry.claim.counts()
        bar = charts.stacked(
            [(kind.value, explain.OUTCOMES[kind], counts.get(kind.value, 0)) for kind in charts.OUTCOME_ORDER]
        )
        found.append((entry, bar, _changes(entry.claim, older.claim if older else None)))
    return found


def _changes(claim: Claim, older: Claim | None) -> str:
    if older is None:
        return "first in this registry"
    before = {name: outcome for name, _, outcome in older.requirements}
    changed: dict[str, list[str]] = {}
    for name, _, outcome in claim.requirements:
        if name not in before:
            changed.setdefault("new in the catalogue", []).append(name)
        elif outcome != before[name]:
            changed.setdefault(f"now {explain.OUTCOMES[Outcome(outcome)]}", []).append(name)
    return "; ".join(f"{how}: {_some(ids)}" for how, ids in changed.items()) or "no requirement changed"


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _IDS} more" if len(ids) > _IDS else ""
    return ", ".join(ids[:_IDS]) + more


# -- badges ------------------------------------------------------------------------------------------------------

Texts = tuple[str, str, str, str, bool]
_ORDER = ("refused", "non_conformant", "expired", "inconclusive", "conformant")


def _texts(entry: Entry) -> Texts:
    """Label, message, colour, the sentence for a screen reader, and whether it is bad news."""
    claim = entry.claim
    if claim is None:
        about = f"The certificate was refused: {line(entry.reason, 200)}"
        return "conformance", "certificate refused", badge.COLOURS[Verdict.NON_CONFORMANT], about, True
    label, when = f"{claim.api} API", f"{claim.target}, run of {_day(claim.finished_at)}"
    if entry.standing is Standing.EXPIRED:
        message = f"certificate expired {_day(claim.expires_at)}"
        return label, message, badge.GREY, f"{label}: {message}. {when}", True
    message = claim.words.lower()
    bad = claim.verdict is not Verdict.CONFORMANT
    about = f"{label}: {message}, {ATTESTED[claim.attested]}, until {_day(claim.expires_at)}. {when}"
    return label, message, badge.COLOURS[claim.verdict], about, bad


def _picture(texts: Texts) -> str:
    return badge.picture(*texts[:4])


def _badges(one: Implementation) -> Iterator[tuple[str, str]]:
    current = one.current()
    for entry in current:
        assert entry.claim is not None
        yield from _badge(f"badges/{one.name}/{entry.claim.api}", _texts(entry))
    shown = sorted(current or one.refused(), key=lambda entry: _ORDER.index(standing(entry)))
    if shown:
        yield from _badge(f"badges/{one.name}", _texts(shown[0]))


def _badge(path: str, texts: Texts) -> Iterator[tuple[str, str]]:
    label, message, colour, _, bad = texts
    yield f"{path}.svg", _picture(texts)
    yield f"{path}.json", badge.content(label, message, colour, is_error=bad)
