"""run.json and exchanges.har: valid, lossless, and either whole or refused with a hint."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import catalogue
from conformance.errors import RecordError
from conformance.model import Check, Exchange, Outcome, RunRecord, Target, Verdict
from conformance.report import codec, har, journal, record

from . import sample
from .strategies import exchanges, lines, quick

SCHEMA = catalogue.specs_dir() / "formats" / "run.schema.json"


def refused() -> RunRecord:
    """A run whose premise failed."""
    checks = [sample.check("auth::documented", Outcome.FAILED, "WD-30")]
    return sample.folded([sample.requirement("WD-30", premise=True), sample.requirement("WD-31")], checks)


@pytest.mark.parametrize(
    "run", [sample.showcase(), sample.conformant(), refused(), sample.hostile("\x1b\u202e'\"<")]
)
def test_run_json_is_valid(run: RunRecord) -> None:
    """Every record satisfies the published schema."""
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(codec.dumps(record.to_json(run))))


@pytest.mark.parametrize("run", [sample.showcase(), refused()], ids=["showcase", "refused"])
def test_a_record_survives_being_written(tmp_path: Path, run: RunRecord) -> None:
    """Load gives back what was written; writing it again gives the same bytes."""
    first = {name: path.read_bytes() for name, path in record.write(run, tmp_path).items()}
    again = record.load(tmp_path)
    assert again == run
    assert again == record.load(tmp_path / "run.json")
    assert {name: path.read_bytes() for name, path in record.write(again, tmp_path).items()} == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exchanges.har", "run.json"]


@quick
@given(st.lists(lines(), max_size=3, unique_by=lambda line: line[0].id))
def test_any_record_survives(written: list[tuple[Check, tuple[Exchange, ...]]]) -> None:
    """A record survives a round trip with any strings and bodies of a target."""
    pool: list[Exchange] = []
    for _, sent in written:
        pool.extend(sent)
    run = sample.folded([sample.requirement("WD-01")], [check for check, _ in written], pool)
    data = json.loads(codec.dumps(record.to_json(run)))
    entries = json.loads(codec.dumps(har.har(run)))
    assert record.from_json(data, har.exchanges(entries)) == run


@quick
@given(st.lists(exchanges, max_size=3))
def test_the_har_is_lossless(sent: list[Exchange]) -> None:
    """Every exchange survives a round trip through the HAR, binary bodies and transport errors included."""
    run = sample.folded([sample.requirement("WD-01")], [], sent)
    data = json.loads(codec.dumps(har.har(run)))
    assert har.exchanges(data) == tuple(sent)


def test_the_har_is_one_that_viewers_open() -> None:
    """All fields that HAR 1.2 demands are there, of the type that it demands."""
    log = har.har(sample.showcase())["log"]
    assert log["version"] == "1.2"
    assert {"name", "version"} <= log["creator"].keys()
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert entry["time"] == entry["timings"]["wait"] >= 0
        request, response = entry["request"], entry["response"]
        common = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
        assert common | {"method", "url", "queryString"} <= request.keys()
        assert common | {"status", "statusText", "content", "redirectURL"} <= response.keys()
        assert {"size", "mimeType"} <= response["content"].keys()
        assert isinstance(response["status"], int)
    assert log["entries"][4]["response"]["status"] == 0
    assert log["entries"][4]["response"]["_error"] == "timeout: 10 s passed"
    assert log["entries"][5]["response"]["content"]["encoding"] == "base64"
    assert log["entries"][1]["_check"] == ["cancellation::refused[paid]", "concurrency::one_winner"]


def _broken(folder: Path, **changes: object) -> None:
    record.write(sample.showcase(), folder)
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**data, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "payout-conformance/run/9"},
        {"verdict": "splendid"},
        {"exchanges": 3},
        {"checks": [{}]},
        {"checks": []},
        {"requirements": None},
        {"target": []},
        {"harness": {}},
    ],
)
def test_a_damaged_record_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    """With a hint, and never with a traceback."""
    _broken(tmp_path, **changes)
    with pytest.raises(RecordError) as refused:
        record.load(tmp_path)
    assert refused.value.hint


@pytest.mark.parametrize("name", ["run.json", "exchanges.har"])
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"log": {"entries": [{}]}}', "\xff"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """Half a file, another file, no JSON at all."""
    record.write(sample.showcase(), tmp_path)
    (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(RecordError):
        record.load(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A missing file of the pair is named in the error."""
    with pytest.raises(RecordError, match="holds no run"):
        record.load(tmp_path)
    record.write(sample.showcase(), tmp_path)
    (tmp_path / "exchanges.har").unlink()
    with pytest.raises(RecordError, match=r"exchanges\.har is missing"):
        record.load(tmp_path)


def test_a_killed_run_is_folded_from_its_journal(tmp_path: Path) -> None:
    """Finished checks count, the rest is not testable, and the run is inconclusive at best."""
    journal.write_header(
        tmp_path / "journal",
        {
            "target": {
                "name": "Acme",
                "api": "withdraws",
                "base_url": "https://a.test",
                "environment": "test",
            },
            "seed": 7,
            "started_at": sample.STARTED,
            "options": {"no_fuzz": True},
            "declared": {"cancel_processing": False},
        },
    )
    (tmp_path / "plan.json").write_text(
        json.dumps({"selected": ["a::1", "a::2"], "deselected": {"a::3": ["WD-05"]}})
    )
    with journal.Journal(tmp_path / "journal" / "main.ndjson") as log:
        log.write(sample.check("a::1", Outcome.PASSED, "WD-01", exchanges=(0,)), [sample.exchange()])
    run = record.load(tmp_path)
    found = {result.requirement.id: result.outcome for result in run.requirements}
    assert not run.complete
    assert run.verdict is Verdict.INCONCLUSIVE
    assert (found["WD-01"], found["WD-04"], found["WD-05"], found["WD-02"]) == (
        Outcome.PASSED,
        Outcome.NOT_TESTABLE,
        Outcome.DESELECTED,
        Outcome.NOT_APPLICABLE,
    )
    assert run.notes == ("The run was ended early: 1 of 2 checks had finished.",)
    assert run.target == Target("Acme", "withdraws", "https://a.test", "test")
    assert len(run.exchanges) == 1


@pytest.mark.parametrize("header", [{}, {"target": {}}, {"target": {"name": "a", "api": "../x"}}])
def test_a_damaged_journal_is_refused(tmp_path: Path, header: dict[str, object]) -> None:
    """A damaged journal is refused as a damaged record is."""
    journal.write_header(tmp_path / "journal", header)
    with pytest.raises(RecordError):
        record.load(tmp_path)
