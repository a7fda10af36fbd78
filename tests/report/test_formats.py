"""Files that other programs read, held against what those programs accept."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from conformance.model import Level, Outcome, Problem, RunRecord
from conformance.report import badge, codec, har, junit, summary

from . import sample
from .browser import chromium
from .strategies import NASTY

NASTY_RUNS = [sample.hostile(value) for value in (*NASTY, "<b>" * 350_000)]
RUNS = [sample.showcase(), sample.conformant(), *NASTY_RUNS]
NAMES = ["showcase", "conformant", *(f"hostile{index}" for index in range(len(NASTY_RUNS)))]


# -- JUnit ---------------------------------------------------------------------------------------------------

# What junit-10.xsd of Jenkins' xunit-plugin says, in our own words: element -> attributes (! where they are
# required), children, and whether it may hold text. Elements and attributes that it doesn't name are errors there.
JUNIT = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}, False),
    "testsuite": (
        {
            "name!",
            "tests!",
            "failures!",
            "errors!",
            "skipped",
            "time",
            "timestamp",
            "hostname",
            "id",
            "package",
        },
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        False,
    ),
    "testcase": (
        {"name!", "time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
        False,
    ),
    "properties": (set(), {"property"}, False),
    "property": ({"name!", "value!"}, set(), False),
    "failure": ({"type", "message"}, set(), True),
    "error": ({"type", "message"}, set(), True),
    "skipped": ({"type", "message"}, set(), True),
    "system-out": (set(), set(), True),
    "system-err": (set(), set(), True),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def strangers(element: ET.Element) -> list[str]:
    """Everything below `element` that Jenkins' schema doesn't allow."""
    if element.tag not in JUNIT:
        return [f"<{element.tag}>"]
    attributes, children, text = JUNIT[element.tag]
    given = dict(element.items())
    needed = {name[:-1] for name in attributes if name.endswith("!")}
    found = [f"{element.tag}.{name}" for name in given if not {name, f"{name}!"} & attributes]
    found += [f"{element.tag} without {name}" for name in sorted(needed - given.keys())]
    found += [f"{element.tag}/{child.tag}" for child in element if child.tag not in children]
    if element.tag != "testcase" and not TIME.fullmatch(given.get("time", "")):
        found.append(f"{element.tag}.time {given['time']}")
    if not text and (element.text or "").strip():
        found.append(f"text in {element.tag}")
    return found + [one for child in element for one in strangers(child)]


def test_the_schema_in_our_words_refuses_what_jenkins_refuses() -> None:
    """Our schema refuses files of other writers that Jenkins rejects."""
    wrong = ET.fromstring(
        '<testsuites skipped="1"><testsuite name="a" tests="1" failures="0" errors="0" time="x">'
        '<testcase classname="b"><properties/></testcase></testsuite></testsuites>'
    )
    assert strangers(wrong) == [
        "testsuites.skipped",
        "testsuite.time x",
        "testcase without name",
        "testcase/properties",
    ]


@pytest.mark.parametrize("run", RUNS, ids=NAMES)
def test_jenkins_and_gitlab_take_the_junit_file(run: RunRecord) -> None:
    """No stranger to the stricter schema; sums that hold; no name twice in a class; far below 30 MB."""
    written = junit.junit(run)
    root = ET.fromstring(written)
    assert strangers(root) == []
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(key, "")) == len(suite.findall(f"testcase/{tag}"))
        names = [(case.get("classname"), case.get("name")) for case in cases]
        assert len(set(names)) == len(names)
        assert all(
            sum(case.find(tag) is not None for tag in ("failure", "error", "skipped")) <= 1 for case in cases
        )
    assert len(written.encode()) < 1_000_000


def test_a_junit_case_tells_what_it_is_about() -> None:
    """By requirement, in the one place that both servers read."""
    root = ET.fromstring(junit.junit(sample.showcase()))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["cancellation::pending"].findtext("system-out") == (
        "WD-01 MUST: A pending withdraw is cancelled\nWD-30 MUST: A documented signature is accepted"
    )


# -- HAR -----------------------------------------------------------------------------------------------------

_PAIRS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "value"],
        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
    },
}
_MESSAGE = {
    "cookies": {"type": "array", "maxItems": 0},
    "headers": _PAIRS,
    "httpVersion": {"type": "string"},
    "headersSize": {"type": "integer", "minimum": -1},
    "bodySize": {"type": "integer", "minimum": -1},
}
# HAR 1.2, as far as it obliges: http://www.softwareishard.com/blog/har-12-spec/
HAR = {
    "type": "object",
    "required": ["log"],
    "properties": {
        "log": {
            "type": "object",
            "required": ["version", "creator", "entries"],
            "properties": {
                "version": {"const": "1.2"},
                "creator": {"type": "object", "required": ["name", "version"]},
                "comment": {"type": "string"},
                "entries": {"type": "array", "items": {"$ref": "#/$defs/entry"}},
            },
            "additionalProperties": False,
        }
    },
    "$defs": {
        "entry": {
            "type": "object",
            "required": ["startedDateTime", "time", "request", "response", "cache", "timings"],
            "patternProperties": {"^_": {}},
            "properties": {
                "startedDateTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$"},
                "time": {"type": "number", "minimum": 0},
                "cache": {"type": "object"},
                "timings": {
                    "type": "object",
                    "required": ["send", "wait", "receive"],
                    "additionalProperties": {"type": "number", "minimum": -1},
                },
                "request": {
                    "type": "object",
                    "required": ["method", "url", *_MESSAGE, "queryString"],
                    "properties": {
                        **_MESSAGE,
                        "method": {"type": "string", "minLength": 1},
                        "url": {"type": "string", "pattern": "^https?://"},
                        "queryString": _PAIRS,
                        "postData": {
                            "type": "object",
                            "required": ["mimeType", "params", "text"],
                            "properties": {"text": {"type": "string"}, "mimeType": {"type": "string"}},
                        },
                    },
                },
                "response": {
                    "type": "object",
                    "required": ["status", "statusText", *_MESSAGE, "content", "redirectURL"],
                    "properties": {
                        **_MESSAGE,
                        "status": {"type": "integer"},
                        "content": {
                            "type": "object",
                            "required": ["size", "mimeType"],
                            "properties": {"encoding": {"const": "base64"}, "text": {"type": "string"}},
                        },
                    },
                },
            },
            "additionalProperties": False,
        }
    },
}


@pytest.mark.parametrize("run", RUNS, ids=NAMES)
def test_the_har_is_har_1_2(run: RunRecord) -> None:
    """The HAR has all fields that HAR 1.2 requires; sizes are those of the bodies, and timings add up."""
    data = json.loads(codec.dumps(har.har(run)))
    jsonschema.Draft202012Validator(HAR).validate(data)
    for entry, exchange in zip(data["log"]["entries"], run.exchanges, strict=True):
        assert entry["response"]["content"]["size"] == len(exchange.response_body)
        assert entry["time"] == sum(value for value in entry["timings"].values() if value > 0)


def test_a_browser_answers_from_the_har(tmp_path: Any) -> None:
    """Playwright's routing reads it as browsers' tools do: requests get the recorded answers, nothing goes out."""
    page_url = f"https://sandbox.acme.test/payout_intents/{sample.WITHDRAW}"
    sent = [
        sample.exchange(
            method="GET", url=page_url, request_headers=(), response_body='{"status": "päid"}'.encode()
        ),
        sample.refusal(409, request_body=b'{"reason": "x"}', url=f"{page_url}/cancel", request_headers=()),
        sample.exchange(
            method="GET", url=f"{page_url}/raw", response_body=b"\xff\x00\xfe", request_headers=()
        ),
    ]
    path = tmp_path / "exchanges.har"
    path.write_text(codec.dumps(har.har(sample.folded([sample.requirement("WD-01")], [], sent))))

    with chromium() as browser:
        page = browser.new_page()
        page.route_from_har(path)
        answer = page.goto(page_url)
        assert answer is not None
        assert (answer.status, answer.json()) == (200, {"status": "päid"})
        post = "fetch(location.href + '/cancel', {method: 'POST', body: '{\"reason\": \"x\"}'}).then(a => a.status)"
        assert page.evaluate(post) == 409
        raw = "fetch(location.href + '/raw').then(a => a.arrayBuffer()).then(b => [...new Uint8Array(b)])"
        assert page.evaluate(raw) == [255, 0, 254]


# -- summary.md ----------------------------------------------------------------------------------------------


def test_the_summary_of_the_worst_run_fits_and_begins_with_the_problems() -> None:
    """GitHub takes 1 MiB; what to mend comes before what passed."""
    requirements = [
        sample.requirement(f"WD-{n:03}", Level.SHOULD if n > 200 else Level.MUST) for n in range(1, 301)
    ]
    huge = "<&|*" * 250_000
    checks = [
        sample.check(
            f"a::{requirement.id}",
            (Outcome.FAILED, Outcome.NOT_TESTABLE, Outcome.ERROR)[index % 3],
            requirement.id,
            level=requirement.level,
            message=f"{index}{huge}",
            problem=Problem(huge, huge, hint=huge, exchange=0) if index % 3 == 0 else None,
        )
        for index, requirement in enumerate(requirements)
    ]
    answer = sample.refusal(500, huge.encode(), signed=huge, request_body=huge.encode(), error=None)
    written = summary.summary(sample.folded(requirements, checks, [answer], notes=(huge,)))
    assert len(written.encode()) < 1_048_576
    assert len(written.splitlines()) <= 40
    order = [
        written.index(part)
        for part in (
            "## ❌ Non-conformant",
            "**1. ",
            "Not proven",
            "All requirements",
        )
    ]
    assert order == sorted(order)


# -- badge ---------------------------------------------------------------------------------------------------


def test_the_badge_endpoint_is_what_shields_takes() -> None:
    """The badge endpoint has the fields that shields.io requires, and no others."""
    shown = {}
    for name, run in (
        ("bad", sample.showcase()),
        ("good", sample.conformant()),
        ("open", sample.folded([sample.requirement("WD-01")], [])),
    ):
        found = json.loads(badge.endpoint(run))
        assert set(found) <= {"schemaVersion", "label", "message", "color", "isError"}
        assert found["schemaVersion"] == 1
        assert re.fullmatch("[0-9a-f]{6}", found["color"])
        shown[name] = found
    assert shown["good"]["message"] == "conformant"
    assert shown["good"]["label"] == "withdraws API"
    assert shown["bad"]["message"] == "non-conformant, 4 failed"
    assert shown["bad"]["isError"] is True
    assert shown["open"]["message"] == "inconclusive, 1 unproven"
    assert len({found["color"] for found in shown.values()}) == 3


@pytest.mark.parametrize("run", RUNS, ids=NAMES)
def test_the_badge_is_a_picture_that_reads_itself_out(run: RunRecord) -> None:
    """Well-formed SVG with a title, as wide as its text; no script, no style sheet, nothing from elsewhere."""
    run = replace(run, target=replace(run.target, name=run.requirements[0].reason[:5000] or "Acme"))
    written = badge.svg(run)
    root = ET.fromstring(written)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{space}title")
    assert {one.tag.removeprefix(space) for one in root.iter()} == {"svg", "title", "path", "g", "text"}
    assert not [one for one in root.iter() if one.get("id")]
    links = [
        value
        for one in root.iter()
        for name, value in one.items()
        if "href" in name or urlsplit(value).netloc
    ]
    assert links == []
    texts = [one.text for one in root.iter(f"{space}text")]
    assert texts == [json.loads(badge.endpoint(run))[key] for key in ("label", "message")]
    assert 100 < int(root.get("width", "0")) < 600
