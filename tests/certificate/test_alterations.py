"""No byte of a certificate, nor of the run that it vouches for, can change unnoticed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.certificate import evidence, keys
from conformance.certificate.issue import issue
from conformance.certificate.verify import verify
from conformance.errors import ConformanceError
from conformance.model import Outcome
from conformance.report import record
from tests.certificate import runs
from tests.certificate.runs import LATER, MUSTS

often = settings(max_examples=60, deadline=None, derandomize=True, database=None)
ECDSA = keys.generate(ecdsa=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> runs.Certified:
    """A failing run: who would alter a good one?"""
    return runs.certified(tmp_path_factory.mktemp("run"), {MUSTS[0]: Outcome.FAILED}, key=ECDSA)


def _found(content: bytes, files: evidence.Files | None = None) -> bool:
    try:
        verify(content, ECDSA.public, at=LATER, files=files)
    except ConformanceError as fault:
        return fault.exit_code == 2 and bool(fault.message)
    return False


def _neighbours(content: bytes) -> Iterator[bytes]:
    """Variants of a text with one byte flipped, removed or inserted, at every position."""
    for i, byte in enumerate(content):
        yield content[:i] + bytes((byte ^ (1 << i % 8),)) + content[i + 1 :]
        if i % 7 == 0:
            yield content[:i] + content[i + 1 :]
            yield content[:i] + b" " + content[i:]


def test_every_byte_of_a_certificate_counts(run: runs.Certified) -> None:
    """A certificate with one bit changed is refused, at each position; the unaltered one is valid."""
    assert not _found(run.content)
    unnoticed = [altered for altered in _neighbours(run.content) if not _found(altered)]

    assert unnoticed == []


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\t", b"\r", b"\x00", b"\xef\xbb\xbf"])
def test_no_blank_can_be_added_anywhere_outside_the_payload(run: runs.Certified, blank: bytes) -> None:
    """JSON doesn't mind blanks; a certificate does. At its beginning, in its last 400 bytes, at its end."""
    size = len(run.content)
    for i in (*range(14), *range(size - 400, size + 1)):
        assert _found(run.content[:i] + blank + run.content[i:]), i


def test_no_certificate_is_valid_in_part(run: runs.Certified) -> None:
    """Cut at any place."""
    assert all(_found(run.content[:size]) for size in range(0, len(run.content), 11))
    assert all(_found(run.content[: len(run.content) - cut]) for cut in range(1, 300))


@often
@given(data=st.data())
def test_any_other_bytes_at_any_place_of_a_certificate_are_found(
    run: runs.Certified, data: st.DataObject
) -> None:
    """Replaced, left out or put in, up to twenty at once."""
    start = data.draw(st.integers(0, len(run.content)))
    end = data.draw(st.integers(start, min(start + 20, len(run.content))))
    altered = run.content[:start] + data.draw(st.binary(max_size=20)) + run.content[end:]

    assert _found(altered) or altered == run.content


@pytest.mark.parametrize("name", ["run", "har", "profile"])
@often
@given(data=st.data())
def test_every_byte_of_the_run_counts(run: runs.Certified, name: str, data: st.DataObject) -> None:
    """Of the record, of the exchanges and of the profile: another byte at any place, or one less, or one more."""
    files = evidence.read(run.folder)
    whole = getattr(files, name)
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    changes = [
        whole[:place] + bytes((byte,)) + whole[place + 1 :],
        whole[:place] + whole[place + 1 :],
        whole[:place] + bytes((byte,)) + whole[place:],
    ]
    altered = data.draw(st.sampled_from(changes))
    parts = {part: getattr(files, part) for part in ("run", "har", "profile")}

    assert altered != whole
    assert _found(run.content, evidence.Files(**{**parts, name: altered}))


@pytest.mark.parametrize("first", [0, 17])
def test_any_byte_of_the_record_counts(run: runs.Certified, first: int) -> None:
    """A record with one byte changed doesn't match its digest (each 61st byte); no two files share a digest."""
    files = evidence.read(run.folder)
    assert files.run is not None
    assert files.har is not None
    signed = files.digests()
    for i in range(first, len(files.run), 61):
        byte = files.run[i]
        altered = files.run[:i] + bytes((byte ^ 0x01,)) + files.run[i + 1 :]
        assert evidence.Files(altered, None, None).digests()["run.json"] != signed["run.json"]
    for i in range(first, len(files.har), 61):
        byte = files.har[i]
        altered = files.har[:i] + bytes((byte ^ 0x01,)) + files.har[i + 1 :]
        assert evidence.Files(None, altered, None).digests()["exchanges.har"] != signed["exchanges.har"]


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_a_run_that_is_rendered_again_keeps_its_certificate(tmp_path: Path, indent: int | None) -> None:
    """`report` leaves the record's bytes alone where they say the same, however another version laid them out."""
    runs.write(tmp_path)
    for name in evidence.FILES:
        path = tmp_path / name
        path.write_text(json.dumps(json.loads(path.read_text()), indent=indent))
    made = issue(tmp_path, ECDSA, now=LATER, environ={})

    record.write(record.load(tmp_path), tmp_path)

    assert verify(made.content, ECDSA.public, at=LATER, files=evidence.read(tmp_path)).not_checked == ()
