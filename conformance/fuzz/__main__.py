"""`python -m conformance.fuzz`: see `conformance.fuzz.start`."""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from conformance.errors import ConformanceError, HarnessError
from conformance.fuzz import EXAMPLES
from conformance.profile import load

_signals: list[float] = []
_ONE_SIGNAL_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Runs, and returns the exit code."""
    options = _parser().parse_args(arguments)
    threading.Thread(target=_outlive_nobody, args=(options.parent,), daemon=True).start()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        profile = load(options.profile, allow_live=options.allow_live)
        from conformance.fuzz.run import (  # after the profile: a mistake in it shouldn't wait for imports
            Order,
            run,
        )

        requirements, checks = tuple(options.requirement), tuple(options.check)
        order = Order(options.examples, options.seed, requirements, options.budget_s, checks)
        run(profile, options.run, order, lambda: bool(_signals))
    except ConformanceError as fault:
        return _told(fault)
    except Exception as fault:
        return _told(HarnessError(f"fuzzing failed: {_where(fault)}"))
    return 0


def _where(fault: BaseException) -> str:
    """Returns the type of a fault and its place, without its message, which may quote anything."""
    while isinstance(fault, BaseExceptionGroup):
        # Hypothesis wraps what it couldn't make happen again.
        fault = fault.exceptions[0]
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" ({place.tb_frame.f_code.co_name}, line {place.tb_lineno})" if place is not None else ""
    return f"{type(fault).__name__}{where}"


def _told(fault: ConformanceError) -> int:
    print(" ".join(f"{fault.message} {fault.hint}".split()), file=sys.stderr)
    return fault.exit_code


def _outlive_nobody(parent: int) -> None:
    """Ends this process when its parent has ended, so that nothing more is cancelled."""
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(1)


def _stop(number: int, frame: FrameType | None) -> None:
    """Ends in order at the first signal, and at once at one that comes later.

    Ctrl-C and the run's own word that it is over come at the same moment: both count as one.
    """
    now = time.monotonic()
    _signals.append(now)
    if now > _signals[0] + _ONE_SIGNAL_S:
        os._exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.fuzz", description="Fuzz the target of a profile."
    )
    parser.add_argument("--profile", type=Path, required=True, metavar="FILE")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="the folder of the run")
    parser.add_argument(
        "--examples", type=int, default=EXAMPLES, metavar="N", help="random requests per operation"
    )
    parser.add_argument("--seed", type=int, required=True, metavar="S")
    parser.add_argument(
        "--requirement", action="append", default=[], metavar="ID", help="only checks of this requirement"
    )
    parser.add_argument("--check", action="append", default=[], metavar="ID", help="only this check")
    parser.add_argument(
        "--budget-s", type=float, metavar="SECONDS", help="end after so long, keeping what was found"
    )
    parser.add_argument("--allow-live", action="store_true")
    parser.add_argument(
        "--parent", type=int, default=os.getppid(), metavar="PID", help="end when this process has"
    )
    return parser


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # Lanes that still wait for a slow target are not waited for.
    os._exit(code)
