"""The labels of a check in Allure: behaviour, severity, requirement; and its exchanges as attachments."""

import re
from collections.abc import Sequence

from conformance.model import Basis, Exchange, Level, Requirement
from conformance.report.text import exchange_text

_RFC = re.compile(r"RFC (\d+)(?: section ([\d.]*\d))?")


def labels(api: str, suite: str, requirements: Sequence[Requirement], level: Level) -> dict[str, list[str]]:
    """The labels of a check of `level` by name: API, suite, requirements, severity, and tags to search for."""
    return {
        "epic": [api],
        "feature": [suite.replace("_", " ")],
        "story": [f"{requirement.id} {requirement.title}" for requirement in requirements],
        "severity": [severity(requirements, level)],
        "tag": [
            *(requirement.id for requirement in requirements),
            str(level),
            *dict.fromkeys(str(requirement.basis) for requirement in requirements),
        ],
    }


def severity(requirements: Sequence[Requirement], level: Level) -> str:
    """Returns the severity of a failed check of `level`: money and tenants block, documents are critical."""
    if level is Level.MAY:
        return "normal"
    if level is Level.SHOULD:
        return "trivial" if {requirement.basis for requirement in requirements} == {Basis.CUSTOM} else "minor"
    weighty = [requirement for requirement in requirements if requirement.level is Level.MUST]
    return "blocker" if any(requirement.basis is Basis.SAFETY for requirement in weighty) else "critical"


def links(requirements: Sequence[Requirement]) -> list[tuple[str, str]]:
    """Name and URL of the sections that are on the public web: those of RFCs."""
    found = {}
    for requirement in requirements:
        if match := _RFC.match(requirement.section):
            part = f"#section-{match[2]}" if match[2] else ""
            found[requirement.section] = f"https://www.rfc-editor.org/rfc/rfc{match[1]}{part}"
    return list(found.items())


def attach(title: str, exchanges: Sequence[Exchange]) -> None:
    """Gives the running test its title and, as attachments, its exchanges."""
    import allure  # only runs with Allure results pay for it

    allure.dynamic.title(title)  # type: ignore[no-untyped-call]
    for number, exchange in enumerate(exchanges, 1):
        name = f"{number}. {exchange.method} {exchange.status or exchange.error}"
        allure.attach(exchange_text(exchange), name, allure.attachment_type.TEXT)
