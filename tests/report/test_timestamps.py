"""Scripts compute values that differ each time they run: timestamps, and names of the run's files."""

import pytest

from conformance.report import curl, script, timestamps

from . import sample


@pytest.mark.parametrize(
    ("stamp", "word"),
    [
        ("1772280000000", "$(($(date +%s) - 86400))000"),
        ("1772452800000", "$(($(date +%s) + 86400))000"),
        ("0", "'0'"),
        ("1" * 400, "$(printf %400s | tr ' ' 1)"),
    ],
)
def test_timestamp_that_is_not_now_is_told_by_its_distance(stamp: str, word: str) -> None:
    """One of yesterday or tomorrow is as far from now whenever it is sent; a long one is counted."""
    assert timestamps.word(stamp, sample.exchange(), curl.quote) == word
    assert not timestamps.is_now(stamp, sample.exchange())


def test_files_of_a_run_are_named_with_its_folder() -> None:
    """A body that is too long for a command is taken from the archive of that run."""
    text = "jq -j '.log.entries[3].request.postData.text' exchanges.har | curl"
    assert script.within(text, "reports/my run") == text.replace("exchanges", "'reports/my run'/exchanges")
