"""Waits for a target that is still starting, before anything is asked of it."""

import tempfile
import time
from pathlib import Path

from conformance.doctor.probes import Probes
from conformance.errors import TransportError
from conformance.profile import Profile
from conformance.session import Session

_PAUSE_S = 0.25


def wait(profile: Profile, seconds: float) -> bool:
    """Sends the harmless request without credentials until an answer comes, for so many seconds at most.

    Returns whether one came; 429, 502, 503 and 504 are none. What is wrong with a target that gives none is for those
    to say who ask it next.
    """
    ends = time.monotonic() + seconds
    while True:
        with tempfile.TemporaryDirectory(prefix="payout-conformance-") as folder:
            session = Session(profile, Path(folder))
            try:
                Probes(session).anonymous()
                return True
            except TransportError:
                if time.monotonic() + _PAUSE_S > ends:
                    return False
            finally:
                session.close()
        time.sleep(_PAUSE_S)
