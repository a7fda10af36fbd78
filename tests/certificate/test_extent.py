"""The certificate holds the limits of a verdict, and `verify` and `certify` print them in sentences."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.certificate.extent import sentences
from conformance.cli import main
from tests.certificate import runs
from tests.certificate.runs import KEY, LATER

NOTHING: Mapping[str, Any] = {
    "fuzzing": {"examples": 60, "requests": 412, "endedEarly": False, "idleChecks": 0},
    "selection": {"expression": "", "requirements": []},
    "capabilities": {},
    "notApplicable": [],
    "insist": False,
    "waivers": [],
}


def verified(folder: Path, **how: Any) -> Result:
    """Returns the output of `verify` for a run that was made so."""
    runs.certified(folder, **how)
    (folder / "key.pub.pem").write_bytes(KEY.public.pem)
    words = ("verify", str(folder), "--public-key", str(folder / "key.pub.pem"), "--at", LATER.isoformat())
    return CliRunner().invoke(main, words)


def test_a_run_without_fuzzing_says_so(tmp_path: Path) -> None:
    """`--no-fuzz` leaves out every comparison of a generated request's answer with the schemas: in a sentence."""
    done = verified(tmp_path)

    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert (
        "not exercised Nothing was fuzzed: no answer to a generated request was compared with the documented schemas."
    ) in said
    assert "Fuzzing:" not in said


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"fuzzing": NOTHING["fuzzing"]},
            "Fuzzing: 60 cases per operation, 412 requests; nothing put 0 checks to the test.",
        ),
        (
            {"fuzzing": {"examples": 1, "requests": 1, "endedEarly": True, "idleChecks": 1}},
            "Fuzzing: 1 case per operation, 1 request, ended before its last case; nothing put 1 check to the test.",
        ),
        (
            {"fuzzing": None},
            "Nothing was fuzzed: no answer to a generated request was compared with the documented schemas.",
        ),
        (
            {"selection": {"expression": "auth", "requirements": ["WD-31", "WD-32"]}},
            "Only a part of the checks was asked for: auth, WD-31, WD-32.",
        ),
        (
            {"capabilities": {"settlement": None, "cancel_processing": True, "webhooks": False}},
            "Capabilities that weren't declared: settlement, webhooks.",
        ),
        ({"notApplicable": ["WD-02", "WD-52"]}, "Not applicable: WD-02, WD-52."),
        (
            {"insist": True},
            "--insist: the target refused the credentials or looked like another service, and was judged.",
        ),
        ({"waivers": [{"requirement": "WD-33"}, {"requirement": "WD-26"}]}, "Waived: WD-33, WD-26."),
    ],
)
def test_each_thing_that_was_left_out_has_its_sentence(said: dict[str, Any], sentence: str) -> None:
    """Fuzzing, selection, capabilities, requirements by id, `--insist` and waivers; nothing else is said."""
    found = sentences({**NOTHING, **said})

    assert sentence in found
    assert len(found) == 1 + ("fuzzing" not in said)
