"""The body of a create, made of the schema in an OpenAPI file."""

import re
from pathlib import Path

import pytest

from conformance.profile import load

from .test_init import CREATED, invoked, set_


def test_what_a_schema_asks_for_is_kept_or_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smallest numbers, times, lists, types of 3.1 and `allOf`; texts that no UUID fits are named in comments."""
    monkeypatch.chdir(tmp_path)
    fields = """amount: {type: integer, minimum: 100}
        fee: {type: [number, "null"], exclusiveMinimum: 5}
        at: {type: string, format: date-time}
        lines: {type: array, minItems: 1, items: {type: object, required: [of], properties: {of: {maxLength: 9}}}}
        merchant_reference: {type: string, maxLength: 20}
        code: {type: string, pattern: "^[A-Z]{4}$"}"""
    head, _, _ = CREATED.partition("  schemas:")
    (tmp_path / "api.yaml").write_text(
        f"{head}  schemas:\n    Create: {{allOf: [{{$ref: '#/components/schemas/All'}}], required: [fee]}}\n"
        "    All:\n      type: object\n      required: [amount, at, lines, merchant_reference, code]\n"
        f"      properties:\n        {fields}\n"
    )
    done = invoked("acme.toml", "--openapi", "api.yaml", "--no-other-merchant")

    assert done.exit_code == 0, done.output
    text = (tmp_path / "acme.toml").read_text()
    made = load(tmp_path / "acme.toml", set_((tmp_path / "acme.env").read_text())).states.requests
    assert made is not None
    assert made.states["requires_approval"].create.fields == {
        "fee": 6, "amount": 100, "at": "{now}", "lines": [{"of": "{unique}"}],
        "merchant_reference": "{unique}", "code": "{unique}",
    }  # fmt: skip
    assert re.findall(r"(?m)^# Fill in (.*)$", text) == [
        "lines.of: the file asks for maxLength 9, and {unique} is a UUID",
        "merchant_reference: the file asks for maxLength 20, and {unique} is a UUID",
        "code: the file asks for pattern ^[A-Z]{4}$, and {unique} is a UUID",
    ]
