"""Profiles: secrets of any kind, files of any kind, and nothing but a ProfileError whatever stands in them."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.errors import ProfileError
from conformance.profile import load
from tests.test_profile import ENVIRON, GOOD, INTENTS, written


@pytest.mark.parametrize("value", ["", " padded", "padded ", "two\nlines", "tab\there", "nul\x00", "\x7f"])
def test_a_secret_with_white_space_around_it_is_noticed(tmp_path: Path, value: str) -> None:
    """It came from a file with a line feed at its end: no signature would ever fit. The value isn't told."""
    with pytest.raises(ProfileError) as caught:
        load(written(tmp_path, GOOD), {**ENVIRON, "ACME_SECRET": value})

    assert "ACME_SECRET" in caught.value.message
    assert not value.strip() or value not in caught.value.message


@pytest.mark.parametrize("secret", ["a'b\"c\\d", "p%20+/=", "пароль", "two words", "😀😀😀", "x"])
def test_any_printable_secret_is_taken(tmp_path: Path, secret: str) -> None:
    """Secrets are the provider's to choose."""
    profile = load(written(tmp_path, GOOD), {**ENVIRON, "ACME_SECRET": secret})

    assert profile.credentials["primary"].secret == secret
    assert secret in profile.secrets.values()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "api is missing"),
        (b"[target\n", "not TOML"),
        (b"name = Acme\n", "not TOML"),
        (b"a = " + b"[" * 20_000, "not TOML"),
        (b"\xff\xfe\x00", "can't be read"),
        (b"target = 5\n", "target: this is a table"),
        (b'[target]\napi="withdraws"\n[credentials]\nprimary = "x"\n', "this is a table"),
        (b"[[target]]\nname = 1\n", "this is a table"),
    ],
)
def test_a_file_that_is_no_profile(tmp_path: Path, text: bytes, says: str) -> None:
    """A sentence, whatever the bytes are."""
    path = tmp_path / "acme.toml"
    path.write_bytes(text)

    with pytest.raises(ProfileError) as caught:
        load(path, ENVIRON)

    assert says in caught.value.message
    assert caught.value.hint


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, a folder, below a file, (for anybody but root) forbidden."""
    (tmp_path / "file").write_text("")
    (tmp_path / "forbidden.toml").write_text(GOOD)
    (tmp_path / "forbidden.toml").chmod(0)
    cases = {tmp_path / "no.toml": "there is no such profile", tmp_path: "Is a directory"}
    cases[tmp_path / "file" / "acme.toml"] = "Not a directory"
    if os.getuid():
        cases[tmp_path / "forbidden.toml"] = "Permission denied"
    for path, says in cases.items():
        with pytest.raises(ProfileError, match=says) as caught:
            load(path, ENVIRON)
        assert caught.value.hint


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_nothing_but_a_profile_error_is_ever_raised(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A line dropped, doubled, or replaced by something odd: a profile or a ProfileError."""
    lines = data.draw(st.sampled_from([GOOD, INTENTS])).splitlines()
    odd = [
        "[states]",
        "x = 1",
        "url = 5",
        "ids = []",
        "primary = 1",
        "[[states]]",
        "a.b.c = 1",
        '"" = 1',
        "timeout_s = 1e999",
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = data.draw(
            st.sampled_from([[], [lines[at]] * 2, [data.draw(st.sampled_from(odd))]])
        )
        lines = lines or [""]
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_text("\n".join(lines))
    try:
        load(path, ENVIRON)
    except ProfileError as fault:
        assert fault.hint  # noqa: PT017 - either way is right
