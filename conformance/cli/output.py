"""Makes standard output and error streams whose writes never fail: the exit code depends on the verdict alone.

All output goes through these two streams: of the commands, of click, of libraries and of pytest. Behind a closed pipe
or descriptor, or on a full disk, output is lost and the command continues.
"""

import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class UnfailingStream(io.RawIOBase):
    """Writes to a descriptor. The first failure is kept in `fault`; from then on output is discarded."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.fault: OSError | None = None

    def writable(self) -> bool:
        """Returns true."""
        return True

    def fileno(self) -> int:
        """Returns the number of the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Returns whether the descriptor is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: "ReadableBuffer", /) -> int:
        """Writes as much as fits, and waits also for a non-blocking descriptor; never raises."""
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                with suppress(OSError):
                    select.select((), (self._descriptor,), ())
            except OSError as fault:
                self.fault = fault
                _redirect_to_null(self._descriptor)
                return memoryview(data).nbytes


def prepare() -> None:
    """Replaces sys.stdout and sys.stderr; opens /dev/null for each of the first three descriptors that is closed.

    A stream that was replaced already, as tests do, stays.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            _redirect_to_null(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        made = _made(getattr(sys, name), descriptor)
        if made is not None:
            setattr(sys, name, made)
            setattr(sys, f"__{name}__", made)


def lost() -> OSError | None:
    """Returns the error that lost standard output; None if there was none, or its reader closed it (`| head`)."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    raw = _raw(sys.stdout)
    fault = raw.fault if isinstance(raw, UnfailingStream) else None
    return None if fault is None or fault.errno == errno.EPIPE else fault


def _made(stream: object, descriptor: int) -> io.TextIOWrapper | None:
    """Returns the stream that replaces Python's own on the descriptor; None if another object has replaced it."""
    unfailing = UnfailingStream(descriptor)
    encoding, unbuffered, by_line = "utf-8", False, True
    if stream is not None:
        raw = _raw(stream)
        if not isinstance(stream, io.TextIOWrapper) or not isinstance(raw, io.FileIO):
            return None
        if raw.fileno() != descriptor:
            return None
        with suppress(OSError):
            stream.flush()
        encoding, unbuffered, by_line = stream.encoding, raw is stream.buffer, stream.line_buffering
    return io.TextIOWrapper(
        # As Python does it: without a buffer of bytes where PYTHONUNBUFFERED says so.
        unfailing if unbuffered else io.BufferedWriter(unfailing),  # type: ignore[arg-type]
        encoding=encoding,
        # A letter that the encoding doesn't have is spelt out: targets and files may have any name.
        errors="backslashreplace",
        line_buffering=by_line,
        write_through=unbuffered,
    )


def _raw(stream: object) -> object:
    """Returns the raw stream below a text stream."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _redirect_to_null(descriptor: int) -> None:
    """Redirects the descriptor to /dev/null, for this process and those that it starts."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == descriptor:
        os.set_inheritable(nowhere, True)
        return
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
