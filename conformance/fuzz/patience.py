"""How long a read may lag behind what it is to confirm."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from conformance.http.reply import Reply


@dataclass(slots=True)
class Patience:
    """Some seconds, which are waited in vain only once: after that a read has a moment."""

    seconds: float = 2.0

    def until(self, good: Callable[[Reply], bool], reply: Reply, ask: Callable[[], Reply]) -> Reply:
        """`reply` or, as long as it isn't good, what is answered to asking again; at last, whatever came."""
        deadline, pause = time.monotonic() + self.seconds, 0.02
        while not good(reply):
            if time.monotonic() + pause > deadline:
                self.seconds = 0.1
                break
            time.sleep(pause)
            pause = min(2 * pause, 0.25)
            reply = ask()
        return reply
