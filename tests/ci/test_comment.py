"""The comment on a pull request: made once, and edited from then on."""

import json
from pathlib import Path

import pytest

from conformance.cli.comment import main

from .forge import Forge


def _environ(forge: Forge, folder: Path, event: object) -> dict[str, str]:
    (folder / "event.json").write_text(json.dumps(event))
    return {
        "GITHUB_API_URL": f"http://127.0.0.1:{forge.server_port}",
        "GITHUB_REPOSITORY": "acme/payouts",
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_TOKEN": "t0ken",
    }


def test_a_comment_is_made_once_and_edited_from_then_on(forge: Forge, tmp_path: Path) -> None:
    """Later runs edit their profile's comment, also behind the first page of comments; long comments are cut."""
    environ = _environ(forge, tmp_path, {"pull_request": {"number": 7}})
    summary = tmp_path / "summary.md"
    for text, name in (("first", "a.toml"), ("second", "a.toml"), ("third\n" * 20_000, "b.toml")):
        summary.write_text(text)
        assert main([str(summary), name], environ) == 0

    one, other = forge.comments[150:]
    assert one["body"].endswith("\nsecond")
    assert other["body"].endswith("The rest stands in the summary of the job.\n")
    assert len(other["body"]) < 65_536
    changes = [each for each in forge.asked if not each.startswith("GET")]
    assert changes == [
        "POST /repos/acme/payouts/issues/7/comments",
        "PATCH /repos/acme/payouts/issues/comments/151",
        "POST /repos/acme/payouts/issues/7/comments",
    ]


@pytest.mark.parametrize("event", [{"pull_request": {"number": 7}}, [], {"ref": "main"}])
def test_what_keeps_from_commenting_is_a_warning(
    forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str], event: object
) -> None:
    """A refusal, an event that can't be read; a push is no pull request, and no warning."""
    forge.refuses = True
    (tmp_path / "summary.md").write_text("text")

    assert main([str(tmp_path / "summary.md"), "a.toml"], _environ(forge, tmp_path, event)) == 0

    said = capsys.readouterr().out
    pushed = isinstance(event, dict) and "ref" in event
    assert said.startswith("No pull request" if pushed else "::warning title=payout-conformance::")
