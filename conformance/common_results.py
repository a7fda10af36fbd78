"""Results that the forked workers of a run have in common: what one of them has made, the others take.

They lie in a file in memory, which ends with the processes: answers in it are as they came, with whatever a target puts
there, and no file of a run holds these.
"""

import fcntl
import os
import pickle
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from typing import Any, Self, TypeVar, cast

T = TypeVar("T")

_LENGTH = 8
# The lock of the file as a whole; each result has a lock of its own beyond.
_WHOLE, _FIRST = 0, 1


class CommonResults:
    """A file in memory that processes inherit by a fork. Only one of them makes a result; others wait for it.

    What can't be pickled stays with the process that made it. An object that was `bound` to a name is replaced by the
    reader's own object of that name.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._at = 0
        self._found: dict[bytes, bytes] = {}
        self._bound: dict[str, object] = {}

    @classmethod
    def opened(cls) -> Self | None:
        """Returns an empty one; None on a system without files in memory: there each worker makes its own results."""
        if not hasattr(os, "memfd_create"):
            return None
        return cls(os.memfd_create("results", os.MFD_CLOEXEC))

    def bind(self, name: str, what: object) -> None:
        """Names an object of this process, which results may refer to."""
        self._bound[name] = what

    def once(self, key: Hashable, make: Callable[[], T], keep: Callable[[T], bool] = lambda _: True) -> T:
        """Returns the result of that key, made by whichever process asks first. Raises what `make` raises.

        A result that `keep` refuses is the asking process's own.
        """
        mark = self._mark(key)
        if mark is None:
            return make()
        with self._alone(_FIRST + int.from_bytes(mark[:7])):
            found = self._loaded(mark)
            if found:
                return cast("T", found[0])
            made = make()
            if keep(made):
                self._put(mark, made)
            return made

    def put(self, key: Hashable, value: object) -> None:
        """Keeps a value for all processes; the first of a key stays."""
        mark = self._mark(key)
        if mark is not None and not self._loaded(mark):
            self._put(mark, value)

    def get(self, key: Hashable) -> Any:
        """Returns the value of that key, None where there is none."""
        mark = self._mark(key)
        found = () if mark is None else self._loaded(mark)
        return found[0] if found else None

    def _mark(self, key: Hashable) -> bytes | None:
        raw = self._dumped(key)
        return None if raw is None else sha256(raw).digest()

    def _dumped(self, value: object) -> bytes | None:
        names = {id(what): name for name, what in self._bound.items()}
        buffer = BytesIO()
        pickler = pickle.Pickler(buffer)
        pickler.persistent_id = lambda one: names.get(id(one))  # type: ignore[method-assign]
        try:
            pickler.dump(value)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
            return None
        return buffer.getvalue()

    def _loaded(self, mark: bytes) -> tuple[Any, ...]:
        """Returns the value of that mark in a tuple; an empty one where there is none, or none that can be read."""
        self._read_on()
        raw = self._found.get(mark)
        if raw is None:
            return ()
        # What comes from this file was written by a process of this run.
        unpickler = pickle.Unpickler(BytesIO(raw))  # noqa: S301
        unpickler.persistent_load = lambda name: self._bound[name]  # type: ignore[method-assign]
        with suppress(Exception):
            return (unpickler.load(),)
        return ()

    def _read_on(self) -> None:
        with self._alone(_WHOLE):
            end = os.fstat(self._file).st_size
        head = sha256().digest_size + _LENGTH
        while self._at < end:
            raw = os.pread(self._file, head, self._at)
            length = int.from_bytes(raw[-_LENGTH:])
            self._found.setdefault(raw[:-_LENGTH], os.pread(self._file, length, self._at + head))
            self._at += head + length

    def _put(self, mark: bytes, value: object) -> None:
        raw = self._dumped(value)
        if raw is None:
            return
        with self._alone(_WHOLE):
            whole = mark + len(raw).to_bytes(_LENGTH) + raw
            os.pwrite(self._file, whole, os.fstat(self._file).st_size)

    @contextmanager
    def _alone(self, place: int) -> Iterator[None]:
        """Keeps other processes out of the block; the kernel lets them in when this one ends, however it does."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
        except OSError:
            # Two processes that would wait for each other: one of them goes on, and makes what the other is making.
            yield
            return
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)
