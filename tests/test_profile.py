"""Every mistake in a profile is a sentence with its line and what to write instead. More of them: test_mistakes."""

from pathlib import Path

import pytest

from conformance.errors import ProfileError
from conformance.profile import Limits, load

GOOD = """\
[target]
name = "Acme staging"
api = "withdraws"
base_url = "https://sandbox.acme.test/v2/"
environment = "test"

[credentials.primary]
api_key = "${ACME_KEY}"
api_secret = "${ACME_SECRET}"

[credentials.other_merchant]
api_key = "${OTHER_KEY}"
api_secret = "${OTHER_SECRET}"

[states]
url = "https://sandbox.acme.test/_states?token=${STATE_TOKEN}"
read_path = "/api/v1/withdraws/{id}"

[capabilities]
cancel_processing = true
settlement = false

[limits]
timeout_s = 2.5
requests_per_second = 20
concurrency = 4
max_requests = 300
"""
INTENTS = """\
[target]
name = "Acme"
api = "payout-intents"
base_url = "http://localhost:1"
environment = "test"

[credentials.primary]
public_key = "${ACME_KEY}"
secret_key = "${ACME_SECRET}"

[states]
terminal = ["cancelled", "paid"]

[states.ids]
requires_approval = ["a", "b"]
paid = ["c"]

[states.ids.other_merchant]
requires_approval = ["d"]
"""
ENVIRON = {
    "ACME_KEY": "key-1",
    "ACME_SECRET": "secret-1",
    "OTHER_KEY": "key-2",
    "OTHER_SECRET": "secret-2",
    "STATE_TOKEN": "token-1",
}


def written(folder: Path, text: str) -> Path:
    """A profile with this text."""
    path = folder / "acme.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_profile_says_all_it_says(tmp_path: Path) -> None:
    """Every key of a good profile is read, and references become values."""
    profile = load(written(tmp_path, GOOD), ENVIRON)

    assert (profile.target.name, profile.target.api) == ("Acme staging", "withdraws")
    assert profile.target.base_url == "https://sandbox.acme.test/v2"
    assert profile.credentials["primary"].secret == "secret-1"
    assert profile.credentials["other_merchant"].key == "key-2"
    assert profile.states.url == "https://sandbox.acme.test/_states?token=token-1"
    assert profile.capabilities == {"cancel_processing": True, "settlement": False, "webhooks": None}
    assert profile.limits == Limits(2.5, 20.0, 4, 300)
    assert set(profile.secrets.values()) == set(ENVIRON.values())
    assert profile.target.env["primary.api_key"] == "ACME_KEY"


def test_pools_know_their_owners(tmp_path: Path) -> None:
    """Statuses below [states.ids] are the primary merchant's."""
    profile = load(written(tmp_path, INTENTS), ENVIRON)

    assert profile.states.ids == {
        "primary": {"requires_approval": ("a", "b"), "paid": ("c",)},
        "other_merchant": {"requires_approval": ("d",)},
    }
    assert profile.states.terminal == ("cancelled", "paid")


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    """A log line or a traceback that holds a profile gives nothing away."""
    shown = repr(load(written(tmp_path, GOOD), ENVIRON))

    assert not [value for name, value in ENVIRON.items() if name != "STATE_TOKEN" and value in shown]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """A byte order mark, which some editors write, is accepted."""
    assert load(written(tmp_path, "\ufeff" + GOOD), ENVIRON).target.api == "withdraws"


@pytest.mark.parametrize(
    ("old", "new", "line", "says", "hint"),
    [
        # unknown keys
        ("[limits]", "[limitz]", 23, "limitz: unknown key", "Did you mean limits?"),
        (
            "[credentials.other_merchant]",
            "[credentials.other_merchnat]",
            11,
            "unknown key",
            "Did you mean other_merchant?",
        ),
        ("timeout_s = 2.5", "timeout = 2.5", 24, "limits.timeout: unknown key", "Did you mean timeout_s?"),
        (
            "settlement = false",
            "zzz = false",
            21,
            "capabilities.zzz: unknown key",
            "Known here: cancel_processing,",
        ),
        # missing keys
        (
            'api_secret = "${ACME_SECRET}"\n',
            "",
            7,
            "credentials.primary: api_secret is missing",
            "[credentials.primary]",
        ),
        (
            "[credentials.primary]",
            "[credentials.other_environment]",
            None,
            "[credentials.primary] is missing",
            "api_key and api_secret",
        ),
        # wrong types
        ('name = "Acme staging"', 'name = "  "', 2, "must be a text", "quotes"),
        ("timeout_s = 2.5", "timeout_s = true", 24, "must be a number", "Without quotes."),
        ("timeout_s = 2.5", "timeout_s = 0", 24, "must be a number", ""),
        ("timeout_s = 2.5", "timeout_s = nan", 24, "must be a number", ""),
        ("timeout_s = 2.5", "timeout_s = inf", 24, "must be a number", ""),
        ("requests_per_second = 20", "requests_per_second = 1e-12", 25, "must be a number", ""),
        ("concurrency = 4", "concurrency = 2.5", 26, "must be a whole number from 1", ""),
        ("[limits]", "limits = 5\n[states.x]", None, "", ""),
        # values
        ("https://sandbox.acme.test/v2/", "ftp://acme.test", 4, "not an http or https URL", ""),
        ("https://sandbox.acme.test/v2/", "https://", 4, "not an http or https URL", ""),
        ("https://sandbox.acme.test/v2/", "https://acme.test:99999", 4, "not an http or https URL", ""),
        ("https://sandbox.acme.test/v2/", "https://[::1", 4, "not an http or https URL", ""),
        ("https://sandbox.acme.test/v2/", "https://acme..test", 4, "not an http or https URL", ""),
        ("https://sandbox.acme.test/v2/", "https://acme.test/a b", 4, "not an http or https URL", ""),
        ("https://sandbox.acme.test/v2/", "https://acme.test/?a=b", 4, "no query or fragment", ""),
        (
            "https://sandbox.acme.test/v2/",
            "https://me:pw@acme.test",
            4,
            "credentials don't belong in a URL",
            "[credentials.primary]",
        ),
        (
            "/_states?",
            " /_states?",
            16,
            "not an http or https URL: https://sandbox.acme.test /_states?token=${STATE_TOKEN}",
            "",
        ),
        ("/api/v1/withdraws/{id}", "/api/v1/withdraws", 17, "not a read path", "{id}"),
        # secrets
        (
            '"${ACME_SECRET}"',
            '"hunter2"',
            9,
            "a credential never stands in a profile",
            'Write api_secret = "${NAME}"',
        ),
        ('"${ACME_SECRET}"', '"x${ACME_SECRET}"', 9, "a credential never stands in a profile", ""),
        ('"${ACME_SECRET}"', "12345", 9, "a credential never stands in a profile", ""),
        ('"${ACME_SECRET}"', '"$ACME_SECRET"', 9, "a credential never stands in a profile", ""),
        ("${STATE_TOKEN}", "${NOT_SET}", 16, "the environment variable NOT_SET is not set", ""),
        ("${OTHER_", "${ACME_", 11, "these are the credentials of primary", "somebody else's"),
        # sources
        (
            "read_path =",
            'ids = {pending = ["a"]}\nread_path =',
            17,
            "url and ids exclude each other",
            "Keep one of them.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int | None, says: str, hint: str
) -> None:
    """File, line, key, what is wrong; the hint says what to write."""
    assert old in GOOD

    with pytest.raises(ProfileError) as caught:
        load(written(tmp_path, GOOD.replace(old, new)), ENVIRON)

    assert says in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint
    assert caught.value.exit_code == 2
    assert caught.value.message.startswith(str(tmp_path / "acme.toml") + (f", line {line}: " if line else ""))
    assert not [
        each for each in ("hunter2", "12345", "token-1", "me:pw", "secret-1") if each in caught.value.message
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "says", "hint"),
    [
        (
            'paid = ["c"]',
            'paid = ["c", "a"]',
            16,
            "a is also in states.ids.requires_approval",
            "one state: name it once",
        ),
        ('paid = ["c"]', 'paid = ["c", "c"]', 16, "c is also in states.ids.paid", ""),
        ('= ["d"]', '= ["c"]', 19, "c is also in states.ids.paid", ""),
        ('paid = ["c"]', 'paid = "c"', 16, "must be a list of texts, not a text ('c')", '["one", "two"]'),
        ('paid = ["c"]', "paid = [1]", 16, "must be a list of texts", ""),
        (
            'paid = ["c"]',
            'terminal = ["paid"]',
            16,
            "this key belongs to [states]",
            "Put it above [states.ids].",
        ),
        (
            'paid = ["c"]',
            'read_path = "/{id}"',
            16,
            "this key belongs to [states]",
            "Put it above [states.ids].",
        ),
        (
            'paid = ["c"]',
            'url = "http://x"',
            16,
            "this key belongs to [states]",
            "Put it above [states.ids].",
        ),
        ('paid = ["c"]', 'piad = ["c"]', 16, "states.ids.piad: unknown key", "Did you mean paid?"),
        ("ids.other_merchant", "ids.other_merchnat", 18, "unknown key", "Did you mean other_merchant?"),
        ('"${ACME_KEY}"', '"${COLON}"', 8, "a colon would end it (RFC 7617)", ""),
        (
            'terminal = ["cancelled", "paid"]',
            'read_path = "/{id}"',
            12,
            "payout-intents documents its read path",
            "",
        ),
        ('terminal = ["cancelled", "paid"]', "command = []", 14, "exclude each other", ""),
    ],
)
def test_a_mistake_in_pools_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, says: str, hint: str
) -> None:
    """One resource has one state; what belongs a level up is told so."""
    assert old in INTENTS

    with pytest.raises(ProfileError) as caught:
        load(written(tmp_path, INTENTS.replace(old, new)), {**ENVIRON, "COLON": "a:b"})

    assert says in caught.value.message
    assert hint in caught.value.hint
    assert f"line {line}: " in caught.value.message
