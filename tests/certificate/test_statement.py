"""A certificate states all of a run, in in-toto's words, and nothing that isn't so."""

import base64
import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.certificate import statement, witness
from conformance.certificate.envelope import read
from conformance.certificate.verify import verify
from conformance.model import Outcome
from conformance.provenance import build, tree
from tests.certificate import runs
from tests.certificate.runs import CATALOGUE, KEY, LATER, MUSTS, NOW, SHOULDS


def said(content: bytes) -> dict[str, Any]:
    """The statement in a certificate, read without our code."""
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(content)["payload"]))
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_is_a_test_result_of_in_toto(tmp_path: Path) -> None:
    """spec/v1/statement.md and spec/predicates/test-result.md: types, subjects, configuration, lists."""
    found = said(runs.certified(tmp_path).content)
    predicate = found["predicate"]

    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert found["subject"] == [
        {"name": name, "digest": {"sha256": _sha256(tmp_path / name)}}
        for name in ("run.json", "exchanges.har")
    ]
    assert predicate["result"] == "PASSED"
    passed = set(predicate["passedTests"])
    inapplicable = {
        requirement["id"] for requirement in predicate["payoutConformance"]["requirements"]
    } - passed
    assert passed | inapplicable == set(CATALOGUE.by_id())
    assert set(MUSTS) <= passed
    assert (predicate["warnedTests"], predicate["failedTests"]) == ([], [])
    assert "url" not in predicate


def test_the_configuration_names_all_that_the_run_was_made_with(tmp_path: Path) -> None:
    """The statement names every input of the run with a digest that another tool computes alike."""
    content = runs.certified(tmp_path).content
    rows = {row["name"]: row for row in said(content)["predicate"]["configuration"]}
    specs = Path(__file__).parents[2] / "specs" / "withdraws"

    assert rows["requirements.toml"]["digest"] == {"sha256": _sha256(specs / "requirements.toml")}
    assert rows["requirements.toml"]["annotations"] == {"api": "withdraws", "revision": CATALOGUE.revision}
    assert rows["openapi.yaml"]["digest"] == {"sha256": _sha256(specs / "openapi.yaml")}
    assert rows["profile.toml"]["digest"] == {"sha256": _sha256(tmp_path / "profile.toml")}
    assert rows["payout-conformance"]["digest"] == {"dirHash": build().removeprefix("sha256:")}
    assert len(rows) == 4


def test_a_build_is_told_from_any_other(tmp_path: Path) -> None:
    """By names and contents, as in-toto's dirHash; compiled files and hidden ones make no difference."""
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.py").write_text("")
    first = tree(tmp_path)
    lines = f"{_sha256(tmp_path / 'a.py')}  a.py\n{_sha256(tmp_path / 'sub' / 'b.py')}  sub/b.py\n"
    assert first == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()

    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("")
    (tmp_path / ".hidden").write_text("")
    assert tree(tmp_path) == first
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert tree(tmp_path) != first


@pytest.mark.parametrize(
    ("outcomes", "result", "verdict", "code"),
    [
        ({}, "PASSED", "conformant", 0),
        ({SHOULDS[0]: Outcome.WARNED}, "WARNED", "conformant", 0),
        ({MUSTS[0]: Outcome.FAILED}, "FAILED", "non_conformant", 1),
        ({MUSTS[0]: Outcome.FAILED, MUSTS[1]: Outcome.NOT_TESTABLE}, "FAILED", "non_conformant", 1),
        ({MUSTS[0]: Outcome.NOT_TESTABLE}, "FAILED", "inconclusive", 3),
        ({MUSTS[0]: Outcome.ERROR, SHOULDS[0]: Outcome.WARNED}, "FAILED", "inconclusive", 3),
        ({MUSTS[0]: Outcome.DESELECTED}, "FAILED", "inconclusive", 3),
        (dict.fromkeys(CATALOGUE.by_id(), Outcome.NOT_TESTABLE), "FAILED", "inconclusive", 3),
    ],
)
def test_a_run_is_signed_as_what_it_is(
    tmp_path: Path, outcomes: dict[str, Outcome], result: str, verdict: str, code: int
) -> None:
    """Only a conformant run is PASSED or WARNED; an untested requirement is in no list of tests, and has its reason."""
    made = runs.certified(tmp_path, outcomes)
    predicate = said(made.content)["predicate"]
    requirements = {
        requirement["id"]: requirement for requirement in predicate["payoutConformance"]["requirements"]
    }

    assert predicate["result"] == result
    assert predicate["payoutConformance"]["verdict"] == verdict
    assert verify(made.content, KEY.public, at=LATER).exit_code == code
    lists = {"passed": "passedTests", "warned": "warnedTests", "failed": "failedTests"}
    for requirement in requirements.values():
        inside = [name for name in lists.values() if requirement["id"] in predicate[name]]
        assert inside == [lists[requirement["outcome"]]] if requirement["outcome"] in lists else not inside
        assert bool(requirement["reason"]) or requirement["outcome"] == "passed"
    for one, outcome in outcomes.items():
        if requirements[one]["outcome"] != "not_applicable":
            assert requirements[one]["outcome"] == outcome


def test_it_says_what_was_left_open(tmp_path: Path) -> None:
    """The statement names requirements that don't apply or can't be observed, with reasons, target and times."""
    content = runs.certified(tmp_path, {MUSTS[0]: Outcome.NOT_TESTABLE}).content
    extension = said(content)["predicate"]["payoutConformance"]
    requirements = {requirement["id"]: requirement for requirement in extension["requirements"]}
    (undeclared,) = (
        requirement.id for requirement in CATALOGUE.requirements if requirement.capability == "settlement"
    )

    assert requirements[undeclared]["outcome"] == "not_applicable"
    assert requirements[undeclared]["reason"] == "The profile doesn't declare capabilities.settlement."
    assert requirements[MUSTS[0]]["reason"] == "It didn't happen."
    assert [requirement["id"] for requirement in extension["notObservable"]] == [
        requirement.id for requirement in CATALOGUE.not_observable
    ]
    assert all(requirement["reason"] for requirement in extension["notObservable"])
    assert extension["target"] == {
        "name": "Acme staging",
        "api": "withdraws",
        "baseUrl": "https://sandbox.acme.test",
        "environment": "test",
    }
    assert extension["run"]["startedAt"] == runs.STARTED
    assert extension["run"]["finishedAt"] == runs.ENDED
    assert extension["certifiedAt"] == "2026-03-02T09:30:00.000Z"


def test_signing_again_makes_no_run_younger(tmp_path: Path) -> None:
    """The days count from the end of the run."""
    early = runs.certified(tmp_path, days=30)
    late = runs.certified(tmp_path, days=30, now=NOW.replace(day=29))
    ends = {said(made.content)["predicate"]["payoutConformance"]["expiresAt"] for made in (early, late)}

    assert ends == {"2026-03-31T12:01:05.500Z"}


def test_what_a_target_said_comes_as_harmless_text(tmp_path: Path) -> None:
    """No control character, no override, and not a megabyte of it."""
    outcomes = {MUSTS[0]: Outcome.ERROR, MUSTS[1]: Outcome.NOT_TESTABLE}
    content = runs.certified(tmp_path, outcomes, message="\x1b[31m\u202e" + "x" * 99_999).content
    reason = next(
        requirement["reason"]
        for requirement in said(content)["predicate"]["payoutConformance"]["requirements"]
        if requirement["id"] == MUSTS[0]
    )

    assert reason.isprintable()
    assert reason.startswith("\\x1b[31m<U+202E>xxx")
    assert len(reason) <= 300
    assert len(content) < 50_000
    runs.certified(tmp_path, outcomes, message=" ")


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/payouts",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_WORKFLOW_REF": "acme/payouts/.github/workflows/conformance.yml@refs/heads/main",
    "GITHUB_RUN_ID": "4425592351",
    "GITHUB_RUN_ATTEMPT": "2",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://gitlab.acme.test:8443",
    "CI_PROJECT_PATH": "group/sub/payouts",
    "CI_COMMIT_SHA": "b" * 40,
    "CI_PIPELINE_URL": "https://gitlab.acme.test:8443/group/sub/payouts/-/pipelines/7",
    "CI_JOB_URL": "https://gitlab.acme.test:8443/group/sub/payouts/-/jobs/8",
}


@pytest.mark.parametrize(
    ("environ", "url", "commit"),
    [
        (GITHUB, "https://github.com/acme/payouts/actions/runs/4425592351/attempts/2", "a" * 40),
        (GITLAB, "https://gitlab.acme.test:8443/group/sub/payouts/-/jobs/8", "b" * 40),
    ],
    ids=["GitHub", "GitLab"],
)
def test_a_ci_job_is_named_as_the_signer_s_claim(
    tmp_path: Path, environ: dict[str, str], url: str, commit: str
) -> None:
    """In in-toto's own field too; nothing else of the environment is in the certificate."""
    secrets = {"GITHUB_TOKEN": "ghs_s3cr3t", "CI_JOB_TOKEN": "glcbt-s3cr3t", "ACME_API_SECRET": "s3cr3t"}
    content = runs.certified(tmp_path, environ=environ | secrets).content
    predicate = said(content)["predicate"]
    attestation = predicate["payoutConformance"]["attestation"]

    assert attestation["kind"] == "ci"
    assert (predicate["url"], attestation["url"], attestation["commit"]) == (url, url, commit)
    assert "The signer says" in attestation["note"]
    assert "s3cr3t" not in json.dumps(said(content))
    assert set(environ) <= set(witness.READ)
    assert not set(secrets) & set(witness.READ)


@pytest.mark.parametrize("variable", [*GITHUB, *GITLAB])
@pytest.mark.parametrize("value", [None, "", "https://user:pass@evil.test/\x1b[31m", "x\n"])
def test_half_a_ci_is_no_witness(variable: str, value: str | None) -> None:
    """A missing or malformed CI variable makes the certificate self-attested, without claims about CI."""
    environ = dict(GITHUB if variable in GITHUB else GITLAB)
    if value is None:
        del environ[variable]
    else:
        environ[variable] = value

    assert witness.attestation(environ) == witness.SELF


def _objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all objects; of lists only the first element, for the others are alike."""
    if isinstance(value, dict):
        yield path
        for key, part in value.items():
            yield from _objects(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value[: 9 if path[-1] in {"subject", "configuration"} else 1]):
            yield from _objects(part, (*path, index))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


OPTIONAL = {("predicate", "url"), ("predicate", statement.EXTENSION, statement.EXTENT)}
"""Parts that a certificate need not have: the URL of a CI job, and the extent, which earlier versions don't know."""


def test_nothing_can_be_left_out_and_only_in_toto_s_own_parts_extended(tmp_path: Path) -> None:
    """Each key of each object is required; only in-toto's own objects may have unknown keys."""
    whole = said(runs.certified(tmp_path, environ=GITHUB).content)
    statement.from_bytes(json.dumps(whole).encode())
    paths = list(_objects(whole))
    assert len(paths) > 20
    for path in paths:
        for key in _at(whole, path):
            changed = copy.deepcopy(whole)
            del _at(changed, path)[key]
            if (*path, key) not in OPTIONAL and path[-1:] != ("capabilities",):
                with pytest.raises(statement.CertificateError):
                    statement.from_bytes(json.dumps(changed).encode())
        changed = copy.deepcopy(whole)
        _at(changed, path)["surprise"] = 1
        if statement.EXTENSION in path:
            if path[-1:] == ("capabilities",):
                _at(changed, path)["surprise"] = "perhaps"
            with pytest.raises(statement.CertificateError, match="malformed"):
                statement.from_bytes(json.dumps(changed).encode())
        else:
            statement.from_bytes(json.dumps(changed).encode())


def test_a_statement_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A statement survives a round trip, and a duplicate key is refused, since two readers could read two things."""
    payload = read(runs.certified(tmp_path).content).payload
    assert statement.to_bytes(statement.from_bytes(payload)) == payload

    twice = payload.replace(b'"result":"PASSED"', b'"result":"FAILED","result":"PASSED"')
    assert twice != payload
    with pytest.raises(statement.CertificateError, match='the name "result" stands twice'):
        statement.from_bytes(twice)
