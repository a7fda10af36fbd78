"""The defects: each is a real one, differs from every other, and can be switched on."""

import ast
import re
from collections import Counter
from importlib import import_module
from inspect import getsource
from typing import Any

import pytest

from conformance.sandbox import list_defects
from conformance.sandbox.apis import defect_modules
from conformance.sandbox.defects import defect
from conformance.sandbox.withdraws.reference import Withdraws

APIS = ("withdraws", "payout-intents")


def declared(api: str) -> dict[str, str]:
    """The behaviour of each defect of an API as its module declares it: changes of a line, or a class body."""
    found: dict[str, str] = {}
    modules = {module for module in defect_modules() if api.replace("-", "_") in module.split(".")}
    for statement in [
        line for module in modules for line in ast.parse(getsource(import_module(module))).body
    ]:
        match statement:
            case ast.Expr(value=ast.Call(args=[ast.Constant(value=str(name)), _, _, *changes])):
                found[name] = ", ".join(map(ast.unparse, changes))
            case ast.ClassDef(
                decorator_list=[ast.Call(args=[ast.Constant(value=str(name)), *_])],
                body=[_, *body],
                bases=bases,
            ):
                found[name] = "\n".join(map(ast.unparse, [*bases, *body]))
    return found


@pytest.mark.parametrize("api", APIS)
def test_no_two_defects_are_declared_alike(api: str) -> None:
    """No two defects have the same declaration."""
    found = declared(api)
    assert found.keys() == {each.id for each in list_defects(api)}
    twice = [text for text, number in Counter(found.values()).items() if number > 1]
    assert {name: text for name, text in found.items() if text in twice} == {}


def test_every_defect_can_be_switched_on(bent: Any) -> None:
    """Every defect can be switched on, and the control endpoint still answers."""
    client = bent().client
    for each in list_defects():
        reply = client.http.post("/_control", json={"defects": [each.id]})
        assert reply.json()["defects"] == [each.id]


def test_every_defect_says_what_it_breaks() -> None:
    """Every defect has one sentence or two, and requirements of its own API."""
    for each in list_defects():
        prefix = {"withdraws": "WD", "payout-intents": "PI"}[each.api]
        assert all(re.fullmatch(rf"{prefix}-\d\d", requirement_id) for requirement_id in each.breaks)
        assert each.says.endswith(".")
        assert 10 < len(each.says) < 130
    for api in APIS:
        assert len(list_defects(api)) > 100


@pytest.mark.parametrize(
    ("identifier", "breaks"),
    [("pi-wrong-api", "WD-01"), ("wd-paid-is-cancelled", "WD-04"), ("wd-x", "PI-01")],
)
def test_a_wrong_declaration_is_refused(identifier: str, breaks: str) -> None:
    """Another API's id or requirement, and an id that is taken."""
    list_defects()
    with pytest.raises(ValueError, match="defect"):
        defect(identifier, breaks)(Withdraws)
