"""Puts the runs of one command side by side, in a folder that `latest` then names."""

from collections.abc import Sequence
from pathlib import Path

from conformance.report import codec, render, several
from conformance.report.several import Ended
from conformance.runner import folder as folders


def together(runs: Sequence[Ended], folders_of_runs: Sequence[Path], output: Path) -> Path:
    """Writes `overview.html` and `summary.md` over several runs into a new folder of `output`; returns the page.

    The runs keep their own folders; those without a verdict have none, and are in the summary only. Raises UsageError
    and OSError.
    """
    folder = folders.named("overview", output)
    records = [one.record for one in runs if one.record]
    page = render.overview(records, folders_of_runs, folder)
    codec.replace_file(folder / "summary.md", several.in_markdown(runs))
    render.latest(output, folder)
    return page
