"""The copy of its profile that a run keeps."""

import pytest

from conformance import profile_copy
from conformance.errors import UsageError


def test_the_profile_is_found_again_where_it_was(tmp_path):
    profile = tmp_path / "acme.toml"
    profile.write_text('name = "x"\n')
    folder = tmp_path / "run"
    folder.mkdir()

    profile_copy.keep(folder, profile)

    assert profile_copy.profile_path(folder) == profile
    assert (folder / profile_copy.PROFILE).read_text() == 'name = "x"\n'


def test_one_that_is_named_is_taken_as_it_is(tmp_path):
    assert profile_copy.profile_path(tmp_path, tmp_path / "other.toml") == tmp_path / "other.toml"


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda profile, folder: profile.unlink(), "isn't where it was"),
        (lambda profile, folder: profile.write_text("other"), "has changed since the run"),
        (lambda profile, folder: (folder / ".origin").unlink(), "doesn't say which profile"),
    ],
)
def test_a_profile_that_is_gone_or_changed_is_named(tmp_path, harm, says):
    profile = tmp_path / "acme.toml"
    profile.write_text("first")
    folder = tmp_path / "run"
    folder.mkdir()
    profile_copy.keep(folder, profile)

    harm(profile, folder)

    with pytest.raises(UsageError, match=says) as fault:
        profile_copy.profile_path(folder)
    assert "--profile" in fault.value.hint
