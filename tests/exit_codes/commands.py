"""Runs commands one after another, each in a fork of a process that has imported everything: a fifth of the time.

`python -m tests.exit_codes.commands` reads a line of JSON for each: `[words, lost streams, how]`; it writes the exit
code. A fork loses its streams as a new process would that is given such ones, and ends as that would: by Python's own
way out, with what is flushed there.
"""

import gc
import json
import os
import sys

import conformance.plan
import conformance.runner
from conformance.certificate import issue, keys, verify
from conformance.cli import main
from conformance.doctor import examine
from conformance.fuzz import replay
from conformance.report import compare_views, render

LOADED = (conformance.plan, conformance.runner, issue, keys, verify, examine, replay, compare_views, render)
NAMES = {1: "stdout", 2: "stderr"}


def lose(streams: list[int], how: str) -> None:
    """Standard output and error lead nowhere, but for those in `streams`: they are lost as `how` says."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    for stream in streams:
        if how == "closed":
            os.close(stream)
        elif how == "disk full":
            put(os.open("/dev/full", os.O_WRONLY), stream)
        else:
            reading, writing = os.pipe()
            os.close(reading)
            put(writing, stream)
    # As Python begins: nothing for what is closed, and otherwise a stream that has a buffer.
    for stream, name in NAMES.items():
        closed = stream in streams and how == "closed"
        made = None if closed else open(stream, "w", closefd=False)  # noqa: SIM115
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)


def put(descriptor: int, stream: int) -> None:
    """Makes `descriptor` the stream."""
    os.dup2(descriptor, stream)
    os.close(descriptor)


def serve() -> None:
    """Until there are no more lines."""
    render.prepare()
    gc.freeze()
    for line in sys.stdin:
        words, streams, how = json.loads(line)
        child = os.fork()
        if not child:
            lose(streams, how)
            main(words, prog_name="payout-conformance")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)


if __name__ == "__main__":
    serve()
