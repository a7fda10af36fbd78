"""Resources from the target's own API: what is sent, what becomes of the answers, and that no id comes twice."""

import base64
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from conformance.errors import NotTestable, ProfileError, StateRefused, TransportError
from conformance.profile import load
from conformance.session import Session
from conformance.states import Resource, Wanted
from conformance.states.prepared_resources import FOLDER
from tests.states.shop import Shop, open_shop
from tests.support import reply_with

ENVIRON = {
    "PK": "pk_1234567",
    "SK": "sk_1234567",
    "PK2": "pk_other567",
    "SK2": "sk_other567",
    "SK3": "sk_third567",
}
HEAD = """
[target]
name = "Shop"
api = "payout-intents"
base_url = "{url}"
environment = "test"
[credentials.primary]
public_key = "${{PK}}"
secret_key = "${{SK}}"
[credentials.other_merchant]
public_key = "${{PK2}}"
secret_key = "${{SK2}}"
[credentials.other_environment]
public_key = "${{PK}}"
secret_key = "${{SK3}}"
[states]
terminal = ["cancelled", "paid", "failed"]
[states.requests.create]
path = "/payouts"
json = {{ amount = "50", metadata = {{ reference = "{{unique}}", for = "{{status}}", at = "{{now}}" }} }}
id = "/data/0/id"
"""
STATES = """
[states.requests.requires_approval]
[states.requests.processing]
steps = [{ path = "/payouts/{id}/approve", json = { of = "{id}", reference = "{unique}" }, status = [202, 409] }]
[states.requests.cancelled]
cancel = true
[states.requests.paid]
json = { amount = "4001", metadata = { speed = "slow" } }
until = { path = "/payouts/{id}", pointer = "/data/0/status", equals = "paid", within_s = 60 }
"""


OPEN: list[Session] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes what a test has opened."""
    yield
    while OPEN:
        OPEN.pop().close()


class Made:
    """A session of the shop by a profile, whose source is asked directly."""

    def __init__(self, folder: Path, url: str, states: str = STATES) -> None:
        (folder / "shop.toml").write_text(HEAD.format(url=url) + states)
        self.session = Session(load(folder / "shop.toml", ENVIRON), folder / "run")
        OPEN.append(self.session)

    def setup(self, status: str, **more: str) -> Resource:
        return self.session.leases.unseen(Wanted("payout-intents", status, **more))


@pytest.fixture
def shop() -> Iterator[tuple[Shop, str]]:
    """A shop whose payments come after three reads."""
    with open_shop(reads=3) as opened:
        yield opened


def test_a_create_is_authenticated_and_filled_in(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """As the API documents it, with an idempotency key; the facts are the documented fields of the answer."""
    made = Made(tmp_path, shop[1]).setup("requires_approval")

    ((method, path, body),) = shop[0].asked
    assert (method, path, made.id) == ("POST", "/payouts", "po/0")
    assert body["amount"] == "50"
    assert UUID(body["metadata"]["reference"])
    assert body["metadata"]["for"] == "requires_approval"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["metadata"]["at"])
    assert f"Basic {base64.b64encode(b'pk_1234567:sk_1234567').decode()}" in shop[0].heads[0]
    assert "idempotency-key: " in shop[0].heads[0].lower()
    assert dict(made.facts) == {"id": "po/0", "status": "new", "amount": "1", "currency": "EUR"}


def test_steps_follow_with_the_id(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """Encoded in a path, as it is in a body; the state in the answer to the create is out of date then."""
    made = Made(tmp_path, shop[1]).setup("processing")

    (created,), (step,) = shop[0].sent("POST", "/payouts")[:1], shop[0].sent("POST", "/approve")
    assert step == {"of": "po/0", "reference": created["metadata"]["reference"]}
    assert shop[0].asked[1][1] == "/payouts/po%2F0/approve"
    assert "status" not in made.facts


def test_a_cancel_is_the_documented_one_of_what_was_created(tmp_path: Path) -> None:
    """And of nothing else: its path names the id that came just now."""
    documented = STATES.replace("/payouts", "/payout_intents")
    with open_shop() as (shop, url):
        shop.refuses["/payout_intents"] = reply_with(b'{"data": [{"id": "po/0", "status": "cancelled"}]}')
        made = Made(tmp_path, url, documented).setup("cancelled")

    assert [path for _, path, _ in shop.asked] == ["/payouts", "/payout_intents/po%2F0/cancel"]
    assert made.facts["status"] == "cancelled"


def test_a_state_is_awaited(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """Magic values are merged into the create, key by key."""
    made = Made(tmp_path, shop[1]).setup("paid")

    (body,) = shop[0].sent("POST", "/payouts")
    assert body["amount"] == "4001"
    assert body["metadata"].keys() == {"reference", "for", "at", "speed"}
    assert len(shop[0].sent("GET", "/payouts/po%2F0")) == 4
    assert made.facts["status"] == "paid"


def test_owners_create_by_their_own_credentials(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """The other merchant its own; live credentials of the other environment create nothing."""
    made = Made(tmp_path, shop[1])
    made.setup("requires_approval", owner="other_merchant")
    assert base64.b64encode(b"pk_other567:sk_other567").decode() in shop[0].heads[0]

    with pytest.raises(NotTestable, match="nothing but reads is sent"):
        made.setup("requires_approval", environment="other")
    assert len(shop[0].asked) == 1


@pytest.mark.parametrize(
    ("part", "answer", "status", "says"),
    [
        (
            "/payouts",
            reply_with(b'{"error": "no sk_1234567"}', status="422 No"),
            "requires_approval",
            'POST /payouts with {.* was answered by 422: \'{"error": "no .redacted:primary.secret_key."}\'',
        ),
        ("/payouts", reply_with(b'{"data": []}'), "requires_approval", "has no id at /data/0/id"),
        ("/payouts", reply_with(b'{"data": [{"id": true}]}'), "requires_approval", "has no id at /data/0/id"),
        ("/payouts", reply_with(b"no JSON"), "requires_approval", "has no id at /data/0/id"),
        ("/approve", reply_with(status="500 No"), "processing", "/approve with .* was answered by 500: '{}'"),
        ("/cancel", reply_with(status="409 No"), "cancelled", "/cancel with {} was answered by 409: '{}'"),
    ],
)
def test_a_wrong_answer_makes_it_not_testable(
    shop: tuple[Shop, str], tmp_path: Path, part: str, answer: bytes, status: str, says: str
) -> None:
    """Never the target's fault: the message holds request and answer without secrets, and they go on record."""
    shop[0].refuses[part] = answer
    made = Made(tmp_path, shop[1])

    with pytest.raises(NotTestable, match=says) as caught:
        made.setup(status)

    assert caught.value.hint
    assert len(made.session.recorder.drain()) == 1


def test_a_listed_status_is_right(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """Where `status` names it, whatever it is."""
    shop[0].refuses["/approve"] = reply_with(b"{}", status="409 Conflict")

    assert Made(tmp_path, shop[1]).setup("processing").id == "po/0"


def test_a_state_that_does_not_come_is_told_once_waited_for(tmp_path: Path) -> None:
    """The next one doesn't wait again: nothing is created for it."""
    late = STATES.replace("within_s = 60", "within_s = 0.05")
    with open_shop(reads=1000) as (shop, url):
        (tmp_path / "run" / FOLDER).mkdir(parents=True)
        for _ in range(2):
            with pytest.raises(NotTestable) as caught:
                Made(tmp_path, url, late).setup("paid")
        assert '/data/0/status is "new", where "paid" was to come within 0.05 s' in caught.value.message

    assert len(shop.sent("POST", "/payouts")) == 1


def test_what_takes_its_time_is_begun_ahead_for_all_workers(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """Two workers at once, then a resumed one: each resource is handed out once, and none is waited for alone."""
    (tmp_path / "run" / FOLDER).mkdir(parents=True)
    ids: list[str] = []
    lock = threading.Lock()

    def work(worker: Made) -> None:
        for _ in range(4):
            one = worker.setup("paid").id
            with lock:
                ids.append(one)

    # Each writes the profile before it reads that.
    made = [Made(tmp_path, shop[1]) for _ in range(2)]
    workers = [threading.Thread(target=work, args=(one,)) for one in made]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ids.append(Made(tmp_path, shop[1]).setup("paid").id)

    assert len(ids) == len(set(ids)) == 9
    assert list((tmp_path / "run" / FOLDER).glob("*.json"))


def test_a_state_without_a_table_is_refused(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """With the table that would make it."""
    with pytest.raises(StateRefused, match=r"no \[states.requests.failed\]") as caught:
        Made(tmp_path, shop[1]).setup("failed")

    assert "Add [states.requests.failed]" in caught.value.hint


def test_a_target_without_an_answer_is_an_error_of_transport(shop: tuple[Shop, str], tmp_path: Path) -> None:
    """As for any other request: the check begins again."""
    shop[0].refuses["/payouts"] = b""
    with pytest.raises(TransportError):
        Made(tmp_path, shop[1]).setup("requires_approval")


@pytest.mark.parametrize(
    ("line", "mistake", "says"),
    [
        ('path = "/payouts"', 'path = "payouts"', "no path below base_url"),
        ('path = "/payouts"', 'path = "/payouts/{ids}"', "unknown placeholder {ids}"),
        ('path = "/payouts"', 'path = "/payouts/{id}"', "unknown placeholder {id}"),
        ('id = "/data/0/id"', 'id = "data.id"', "not a JSON Pointer"),
        ('id = "/data/0/id"', 'id = "/a~2b"', "not a JSON Pointer"),
        ('id = "/data/0/id"', 'ids = "/data"', "unknown key"),
        ('id = "/data/0/id"', 'method = "GET"', "GET makes nothing"),
        ("[states.requests.processing]", "[states.requests.procesing]", "procesing: unknown key"),
        ("status = [202, 409]", "status = [1]", "status is a list of statuses"),
        ("status = [202, 409]", 'headers = { Authorization = "x" }', "requests bring this header themselves"),
        ('"/payouts/{id}/approve"', '"/payouts/po_1/cancel"', "it would cancel what wasn't made for it"),
        ("cancel = true", "form = { a = 1 }", "create sends json"),
        ('equals = "paid", ', "", "equals is missing"),
        ('"{now}"', "1979-05-27", "a date of TOML is no JSON"),
        ('"{now}"', '"{id}"', "{id} stands for nothing yet"),
    ],
)
def test_a_mistake_in_a_recipe_is_a_profile_error(tmp_path: Path, line: str, mistake: str, says: str) -> None:
    text = HEAD.format(url="http://x") + STATES
    assert line in text
    (tmp_path / "shop.toml").write_text(text.replace(line, mistake, 1))

    with pytest.raises(ProfileError) as caught:
        load(tmp_path / "shop.toml", ENVIRON)

    assert says in caught.value.message
    assert caught.value.hint
