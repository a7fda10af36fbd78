"""The exit code is the verdict's, whatever becomes of the output: every command, every way to lose what it prints."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from conformance import profile_copy
from conformance.cli import main
from conformance.model import Outcome
from tests.certificate import runs
from tests.commands import LOST, shared
from tests.fuzz.support import fuzz
from tests.support import (
    PATIENCE_S,
    READ_PATH,
    ROOT,
    TERMINAL,
    SandboxProcess,
    command,
    environment,
    write_profile,
)

pytestmark = [
    pytest.mark.xdist_group("exit codes"),
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full"),
]

STREAMS = {"stdout": (1,), "stderr": (2,), "both": (1, 2)}
NUMBERS = itertools.count()
ODD_REASON = "pi-odd-reason-is-kept"
DEFECTS = ("wd-paid-is-cancelled", ODD_REASON)


@dataclass(frozen=True)
class World:
    """A conformant and a non-conformant target with their profiles, and a finished run of each."""

    folder: Path
    good: Path
    bad: Path
    fuzzed: Path


def instant(seconds: float) -> str:
    """The instant so many seconds from now, as a record has it."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.000Z"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything that a command can be pointed at, in one folder."""
    here = tmp_path_factory.mktemp("exit")
    targets = {"good": SandboxProcess(), "bad": SandboxProcess(*DEFECTS)}
    for name, target in targets.items():
        folder = here / name
        folder.mkdir()
        write_profile(folder, "withdraws", target.url, states=f"sandbox = true\n{READ_PATH}")
        write_profile(folder, "payout-intents", target.url, states=f"sandbox = true\n{TERMINAL}")
        outcomes = {} if name == "good" else {"WD-04": Outcome.FAILED}
        runs.write(folder / "run", outcomes, started=instant(-60), ended=instant(-30))
    assert command("keygen", "--out", "acme", cwd=here).returncode == 0
    for name, code in (("good", 0), ("bad", 1)):
        signed = command("certify", f"{name}/run", "--key", "acme.key.pem", cwd=here)
        assert signed.returncode == code, signed.stderr
    assert command("keygen", "--out", "witness", cwd=here).returncode == 0
    shutil.copytree(here / "good" / "run", here / "registry" / "acme" / "run")
    (here / "registry" / "keys").mkdir()
    shutil.copy(here / "acme.pub.pem", here / "registry" / "keys")
    text = (here / "good" / "run" / "certificate.json").read_text()
    (here / "altered.json").write_text(text[:-40])
    found = fuzz(here / "fuzzed", "payout-intents", targets["bad"].url, examples=1)
    profile_copy.keep(found.folder, here / "fuzzed" / "payout-intents.toml")
    yield World(here, here / "good", here / "bad", found.folder)
    for target in targets.values():
        target.close()


def started(words: list[str], cwd: Path, streams: tuple[int, ...], end: str) -> "subprocess.Popen[bytes]":
    """The command with these streams lost; the others are read by nobody and kept by nobody."""
    given: dict[int, int] = {1: os.open(os.devnull, os.O_WRONLY), 2: os.open(os.devnull, os.O_WRONLY)}
    if end == "disk full":
        given |= {stream: os.open("/dev/full", os.O_WRONLY) for stream in streams}
    elif end == "reader gone":
        reading, writing = os.pipe()
        os.close(reading)
        given |= dict.fromkeys(streams, writing)
    closing = "".join(f" {stream}>&-" for stream in streams) if end == "closed" else ""
    shell = ["sh", "-c", f'exec "$@"{closing}', "sh"]
    try:
        return subprocess.Popen(
            [*shell, sys.executable, "-m", "conformance", *words],
            cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=given[1], stderr=given[2],
        )  # fmt: skip
    finally:
        for descriptor in set(given.values()):
            os.close(descriptor)


Codes = Callable[..., dict[str, int]]


@pytest.fixture
def codes(world: World) -> Codes:
    """The exit codes of a command, by what was lost and how; `{n}` is another number each time."""

    def found(
        text: str, *, only: tuple[str, ...] = tuple(STREAMS), ends: tuple[str, ...] = LOST
    ) -> dict[str, int]:
        told = {}
        for name, end in product(only, ends):
            streams = tuple(end if stream in STREAMS[name] else os.devnull for stream in (1, 2))
            words = text.format(n=next(NUMBERS)).split()
            told[f"{name} {end}"] = shared(os.getpid()).run(
                words, world.folder, environment(), streams, PATIENCE_S
            )
        return told

    return found


# What is run, and its code whatever becomes of the output.
VERDICTS = {
    "run bad": ("run bad/withdraws.toml --no-fuzz --requirement WD-04 --output out", 1),
    "run in part": ("run good/withdraws.toml --no-fuzz --requirement WD-04 --quiet --output out", 3),
    "run nothing": ("run nothing.toml", 2),
    "run an unknown option": ("run good/withdraws.toml --nope", 2),
    "doctor good": ("doctor good/withdraws.toml", 0),
    "doctor as JSON": ("doctor good/withdraws.toml --json", 0),
    "doctor bad": ("doctor nothing.toml", 2),
    "report good": ("report good/run", 0),
    "report bad": ("report bad/run", 1),
    "report both": ("report good/run bad/run --output out", 1),
    "compare good": ("compare bad/run good/run", 0),
    "compare bad": ("compare good/run bad/run --format json", 1),
    "certify good": ("certify good/run --key acme.key.pem --out c{n}.json", 0),
    "certify bad": ("certify bad/run --key acme.key.pem --out d{n}.json", 1),
    "verify good": ("verify good/run --public-key acme.pub.pem", 0),
    "verify bad": ("verify bad/run --public-key acme.pub.pem", 1),
    "verify altered": ("verify altered.json --public-key acme.pub.pem", 2),
    "countersign good": (
        "countersign good/run/certificate.json --public-key acme.pub.pem --key witness.key.pem --out w{n}.json",
        0,
    ),
    "countersign altered": (
        "countersign altered.json --public-key acme.pub.pem --key witness.key.pem --out w{n}.json",
        2,
    ),
    "registry good": ("registry registry --output site{n}", 0),
    "registry of nothing": ("registry nowhere --output site{n}", 2),
    "replay good": ("replay fuzzed/run other_type --profile good/payout-intents.toml", 0),
    "replay bad": ("replay fuzzed/run other_type", 1),
    "keygen": ("keygen --out k{n}", 0),
    "keygen of keys that are there": ("keygen --out acme", 2),
    "init": ("init p{n}.toml --api withdraws --base-url https://acme.test --states-ids", 0),
    "init of too little": ("init q{n}.toml", 2),
    "new-contract": (f"new-contract acme-{{n}} --openapi {ROOT}/specs/withdraws/openapi.yaml", 0),
    "new-contract of nothing": ("new-contract acme", 2),
    "plan bad": ("plan nothing.toml", 2),
    "catalogue bad": ("catalogue XX-1", 2),
    "sandbox bad": ("sandbox --port 0 --defect nope", 2),
}


# These take a second and more: both streams. "run in part" is a conformant target with everything else.
LONG = ("run bad", "run in part", "doctor good", "replay bad", "report bad", "report both")
# The others lose each stream in one way, in turn: a command doesn't know how, and each way is tried on many.
WAYS = [(("stdout", LOST[turn]), ("stderr", LOST[turn - 1]), ("both", LOST[turn - 2])) for turn in range(3)]


@pytest.mark.parametrize("name", VERDICTS)
def test_the_exit_code_is_that_of_the_verdict(codes: Codes, name: str) -> None:
    """Closed, piped to nobody or onto a full disk; standard output, standard error or both."""
    text, code = VERDICTS[name]

    if name in LONG:
        found = codes(text, only=("both",))
    else:
        found = {}
        for stream, end in WAYS[list(VERDICTS).index(name) % 3]:
            found |= codes(text, only=(stream,), ends=(end,))

    assert set(found.values()) == {code}, found


@pytest.mark.parametrize("text", ["catalogue", "sandbox --list-defects"])
def test_what_is_there_to_be_read_is_a_fault_where_the_disk_is_full(codes: Codes, text: str) -> None:
    """A command without a verdict ends with 4 if its output is lost on a full disk, and with 0 if its reader left."""
    found = codes(text)

    full = ("stdout disk full", "both disk full")
    assert {found.pop(name) for name in full} == {4}
    assert set(found.values()) == {0}, found


def test_a_plan_that_is_lost_is_a_fault(codes: Codes) -> None:
    """A plan whose output is lost ends with 4; tried once only, as it rehearses a whole run."""
    words = "plan good/withdraws.toml --no-fuzz --latency-ms 1"
    assert codes(words, only=("both",), ends=("disk full",)) == {"both disk full": 4}


def test_every_command_is_tried() -> None:
    """Every command but the demo, which has its own test, stands in the table of this module."""
    tried = {text.split()[0] for text, _ in VERDICTS.values()} | {"demo"}
    assert tried == set(main.commands)


# Python begins in the same way whatever the command: each way twice, and all of them with a run.
ALONE = [
    *(("run in part", end) for end in LOST),
    *zip(
        ("run bad", "doctor good", "verify bad", "certify bad", "report bad", "compare bad"),
        LOST * 2,
        strict=True,
    ),
]


@pytest.mark.parametrize(("name", "end"), ALONE)
def test_a_process_of_its_own_ends_like_that_too(world: World, name: str, end: str) -> None:
    """A process started by a shell with closed output has the same exit codes."""
    text, code = VERDICTS[name]
    process = started(text.format(n="own").split(), world.folder, (1, 2), end)
    assert process.wait(timeout=PATIENCE_S) == code


def test_the_demo_of_conformant_targets_ends_with_0(world: World) -> None:
    """The demo of both APIs ends with 0 also if nobody reads its output."""
    process = started(["demo", "--no-fuzz", "--output", "demo"], world.folder, (1, 2), "reader gone")
    assert process.wait(timeout=PATIENCE_S) == 0


@pytest.mark.parametrize("end", ["closed", "disk full"])
def test_a_run_that_is_fuzzed_comes_to_its_verdict(world: World, end: str) -> None:
    """The fuzzing is a process of its own, which has these streams from the run."""
    words = ["run", "bad/withdraws.toml", "--fuzz-examples", "8", "-k", "fuzz", "--output", "fuzz"]
    process = started(words, world.folder, (1, 2), end)
    assert process.wait(timeout=PATIENCE_S) == 1


@pytest.mark.parametrize(("which", "code", "more"), [("good", 0, ()), ("bad", 1, ("--requirement", "WD-04"))])
def test_a_reader_that_leaves_half_way_ends_nothing(
    world: World, which: str, code: int, more: tuple[str, ...]
) -> None:
    """`run ... 2>&1 | head -1`: one line of progress is read, and the run, whole or in part, goes on to its end."""
    words = ["run", f"{which}/withdraws.toml", "--no-fuzz", *more, "--output", f"half-{which}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance", *words],
        cwd=world.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"withdraws: 0 of")
    process.stdout.close()

    assert process.wait(timeout=PATIENCE_S) == code
    latest = (world.folder / f"half-{which}" / "latest" / "run.json").read_text()
    assert '"complete":true' in latest.replace(" ", "")


def test_a_sandbox_without_output_serves_until_ctrl_c(world: World) -> None:
    """A sandbox without output serves until Ctrl-C, and ends with 0."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    process = started(["sandbox", "--port", str(port)], world.folder, (1, 2), "closed")
    for _ in range(2400):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=PATIENCE_S) == 0


def test_a_letter_that_the_terminal_lacks_is_spelt_out(tmp_path: Path, sandbox: SandboxProcess) -> None:
    """An encoding is no reason for another exit code, nor to lose the rest of the line."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url, name="Zażółć \U0001f4b8")
    done = subprocess.run(
        [sys.executable, "-m", "conformance", "run", profile, "--no-fuzz", "--requirement", "WD-04"],
        cwd=tmp_path, env=environment(PYTHONIOENCODING="latin-1"), capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip

    assert done.returncode == 3, done.stderr
    assert b"INCONCLUSIVE  Za\\u017c\xf3" in done.stdout


def test_a_defect_of_the_harness_ends_with_4_even_while_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PAYOUT_CONFORMANCE_DEBUG shows where, and doesn't make it a verdict of the target."""
    monkeypatch.setenv("PAYOUT_CONFORMANCE_DEBUG", "1")

    def broken(*_: object, **__: object) -> None:
        raise LookupError("a defect")

    monkeypatch.setattr("conformance.catalogue_text.listing", broken)
    with pytest.raises(SystemExit) as ended:
        main(["catalogue"])

    assert ended.value.code == 4
    assert "LookupError: a defect" in capsys.readouterr().err
