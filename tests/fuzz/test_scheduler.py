"""How requests go out: as many at once as may be, never two for one resource, ids from lists spared."""

import json
import re
import threading
import time
from collections import Counter

import pytest

from conformance.fuzz.execute.resource_pool import Availability, LeasedResource, ResourcePool
from conformance.profile import load
from conformance.session import Session
from tests.fuzz.support import fuzz, profile_for
from tests.support import CREDENTIAL_ENV, reply_with, serving

ID = re.compile(rb"/withdraws/([^/]+)/cancel")


class Counting:
    """Refuses everything, and counts what is under way: in all, and for each id.

    A request is held until as many as may be are under way at once; once they have been, it is held no more.
    """

    def __init__(self, limit):
        self._limit = limit
        self._lock = threading.Condition()
        self._now = Counter()
        self.most = self.most_of_one = self.made = 0
        self.seen = Counter()

    def __call__(self, peer, request):
        if b"/_states" in request.split(b"\r\n")[0]:
            with self._lock:
                self.made += 1
                name = f"{self.made:08x}-0000-4000-8000-000000000000"
            peer.sendall(reply_with(json.dumps({"id": name}).encode()))
            return
        found = ID.search(request)
        name = found[1] if found else b""
        with self._lock:
            self._now[name] += 1
            self.seen[name] += 1
            self.most = max(self.most, self._now.total())
            self.most_of_one = max(self.most_of_one, self._now[name])
            self._lock.notify_all()
            self._lock.wait_for(lambda: self.most >= self._limit, timeout=1)
        time.sleep(0.005)  # for those that shouldn't come meanwhile
        body = b'{"success":false,"error":{"code":"VALIDATION_ERROR","message":"no"}}'
        with self._lock:
            self._now[name] -= 1
        peer.sendall(reply_with(body, "400 Bad Request"))


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_limit_is_really_in_flight_and_no_resource_gets_two_at_once(concurrency, tmp_path):
    target = Counting(concurrency)
    with serving(target, keep=True) as server:
        fuzz(
            tmp_path,
            "withdraws",
            server.url,
            examples=8 if concurrency > 1 else 1,
            states=f'url = "{server.url}/_states"',
            limits=f"concurrency = {concurrency}",
        )
    assert target.most == concurrency
    assert target.most_of_one == 1


def test_resources_go_round(bendable, tmp_path):
    profile = load(profile_for(tmp_path, "withdraws", bendable.url), CREDENTIAL_ENV)
    session = Session(profile, tmp_path / "run")
    try:
        pool = ResourcePool(session, 120, wide=2)
        first, second = pool.take("paid"), pool.take("paid")
        assert isinstance(first, LeasedResource)
        assert isinstance(second, LeasedResource)
        assert first.id != second.id
        with pool.changed:
            assert pool.availability("paid") is Availability.LATER
        pool.give_back(first, None)
        with pool.changed:
            assert pool.availability("paid") is Availability.LATER
        pool.give_back(second, "paid")
        again = pool.take("paid")
        assert again is second
        pool.give_back(second, None)
        assert pool.take("paid") is None
    finally:
        session.close()
