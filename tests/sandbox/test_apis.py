"""The APIs of the sandbox: packages that it finds, and that its shared code doesn't know."""

import re
from pathlib import Path

import pytest

from conformance import sandbox
from conformance.sandbox.apis import apis

SHARED = sorted(Path(sandbox.__file__).parent.glob("*.py"))
OWN = re.compile(
    r"withdraw|payout[_ -]intent|\bintents?\b|\b(wd|pi)-|\"cancell?ed\"|requires_approval", re.IGNORECASE
)


@pytest.mark.parametrize("module", SHARED, ids=lambda path: path.stem)
def test_shared_code_names_no_api(module: Path) -> None:
    """Neither its name nor its resources, ids or states. The line that shows how a defect is declared may."""
    named = [line for line in module.read_text().splitlines() if OWN.search(line)]
    assert [line for line in named if not line.lstrip().startswith("wd(")] == []


def test_every_package_is_an_api() -> None:
    """In the order that they ask for, each with credentials, states, defects and a reference of its name."""
    assert [api.position for api in apis().values()] == sorted(api.position for api in apis().values())
    for name, api in apis().items():
        assert api.parts().reference.name == name
        assert {"primary", "other_merchant"} <= api.credentials.keys()
        assert api.unsettled in api.statuses(api.variants())
        assert sandbox.list_defects(name)
