"""Standard output and error that never fail whoever writes to them: the exit code is the verdict's, not the reader's.

Everything that is printed goes through these two streams: what the commands say, click's help and usage, warnings,
what a library or pytest has to say. A pipe whose reader is gone, a full disk, a descriptor that is closed: what is
written is lost, and the work goes on.
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


class Lasting(io.RawIOBase):
    """A descriptor to write to. From the first failure on, which `fault` keeps, it leads nowhere."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.fault: OSError | None = None

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor's number."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return os.isatty(self._descriptor)

    def write(self, data: "ReadableBuffer", /) -> int:
        """Writes what fits, waiting where whoever made the descriptor doesn't let it wait; never raises."""
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                with suppress(OSError):
                    select.select((), (self._descriptor,), ())
            except OSError as fault:
                self.fault = fault
                _lead_nowhere(self._descriptor)
                return memoryview(data).nbytes


def prepare() -> None:
    """Makes sys.stdout and sys.stderr such streams, and lets no file or connection become one of the first three.

    What has replaced a stream already, as a test does, is left alone.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            _lead_nowhere(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        made = _made(getattr(sys, name), descriptor)
        if made is not None:
            setattr(sys, name, made)
            setattr(sys, f"__{name}__", made)


def lost() -> OSError | None:
    """Why standard output was lost; None where it wasn't, or where its reader has had enough (`| head`)."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    raw = _raw(sys.stdout)
    fault = raw.fault if isinstance(raw, Lasting) else None
    return None if fault is None or fault.errno == errno.EPIPE else fault


def _made(stream: object, descriptor: int) -> io.TextIOWrapper | None:
    """The lasting stream in place of what Python opened on the descriptor; None where something else is there."""
    lasting = Lasting(descriptor)
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
        lasting if unbuffered else io.BufferedWriter(lasting),  # type: ignore[arg-type]
        encoding=encoding,
        # Whatever a target or a file is called: a letter that the encoding doesn't have is spelt out.
        errors="backslashreplace",
        line_buffering=by_line,
        write_through=unbuffered,
    )


def _raw(stream: object) -> object:
    """The raw stream below a text stream."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _lead_nowhere(descriptor: int) -> None:
    """Makes the descriptor one of /dev/null, for this process and those that it starts."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == descriptor:
        os.set_inheritable(nowhere, True)
        return
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
