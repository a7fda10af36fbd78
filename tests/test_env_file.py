"""Variables from a file, and a target that is still starting."""

import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.doctor.waiting import wait
from conformance.errors import ProfileError
from conformance.profile import is_live, load
from tests.support import RawServer, always, reply_with, serving

PROFILE = """
[target]
name = "Acme"
api = "withdraws"
base_url = "{url}"
environment = "{environment}"
headers = {{ X-Key = "${{WAIT_HEADER}}" }}
[credentials.primary]
api_key = "${{WAIT_KEY}}"
api_secret = "${{WAIT_SECRET}}"
[states]
sandbox = true
"""
ENVIRON = {"WAIT_KEY": "key-12345", "WAIT_SECRET": "secret-12345", "WAIT_HEADER": "h"}


def written(folder: Path, url: str, environment: str = "test") -> Path:
    path = folder / "acme.toml"
    path.write_text(PROFILE.format(url=url, environment=environment))
    return path


def test_the_file_brings_what_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quoted or not, with dollar signs as they are; a variable of the environment comes first."""
    for name in ENVIRON:
        monkeypatch.setenv(name, "")  # restored afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("WAIT_KEY", "from-outside")
    path = written(tmp_path, "http://127.0.0.1:1")
    file = tmp_path / "acme.env"
    file.write_text(
        "# of Acme\nWAIT_KEY=inside\nexport WAIT_SECRET='a ${WAIT_KEY} # b'\nWAIT_HEADER=h\nNOTHING\n"
    )

    done = CliRunner().invoke(main, ["doctor", str(path), "--env-file", str(file)])

    assert done.exit_code == 4, done.output  # the profile was read, and nobody is there
    profile = load(path)
    assert profile.credentials["primary"].values == ("from-outside", "a ${WAIT_KEY} # b")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, "http://127.0.0.1:1")
    done = CliRunner().invoke(main, ["run", str(path), "--env-file", str(tmp_path / "none.env")])

    assert done.exit_code == 2
    assert "none.env can't be read: No such file" in done.output


def test_all_missing_variables_are_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "${WAIT_URL}")
    with pytest.raises(ProfileError) as caught:
        load(path, {"WAIT_SECRET": ""})

    assert (
        "WAIT_KEY, WAIT_SECRET, WAIT_URL and WAIT_HEADER are not set (WAIT_SECRET is empty)"
        in caught.value.message
    )
    assert caught.value.hint == "export WAIT_KEY=... WAIT_SECRET=... WAIT_URL=... WAIT_HEADER=..."


@pytest.mark.parametrize(
    ("name", "live"),
    [
        *(
            (one, True)
            for one in ("live", "LIVE", "production", "prod", "prod-eu", "eu_prod", "acme live", "prd")
        ),
        *(
            (one, False)
            for one in ("test", "staging", "sandbox", "preprod", "pre-prod", "non-live", "delivery", "")
        ),
    ],
)
def test_what_counts_as_live(name: str, live: bool) -> None:
    assert is_live(name) is live


def test_any_word_is_an_environment_and_live_ones_are_guarded(tmp_path: Path) -> None:
    assert load(written(tmp_path, "http://x", "staging"), ENVIRON).target.environment == "staging"
    path = written(tmp_path, "http://x", "production")
    with pytest.raises(ProfileError, match="the environment is production: a run would cancel real payouts"):
        load(path, ENVIRON)
    assert load(path, ENVIRON, allow_live=True).is_live


def test_a_target_that_starts_is_waited_for(tmp_path: Path) -> None:
    """503 is no answer yet; the first one that is ends the wait."""
    starting = [reply_with(status="503 Starting")] * 7
    ready = threading.Event()

    def answer(peer: object, request: bytes) -> None:
        if not starting:
            ready.set()
        peer.sendall(starting.pop() if starting else reply_with(status="404 No"))  # type: ignore[attr-defined]

    with serving(answer) as server:
        assert wait(load(written(tmp_path, server.url), ENVIRON), 60)
    assert ready.is_set()


def test_one_that_never_starts_is_given_up(tmp_path: Path) -> None:
    server = RawServer(always(reply_with()))
    server.close()

    assert not wait(load(written(tmp_path, server.url), ENVIRON), 0.1)
