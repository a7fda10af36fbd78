"""`python -m tests.coverage_table` writes `specs/<api>/coverage.md`: the checks and defects of each requirement."""

from conformance import catalogue, coverage
from conformance.sandbox import list_defects


def table(api: str) -> str:
    """A Markdown table with a line per requirement; checks are counted per test, its cases in brackets."""
    checks = coverage.checks(api)
    lines = [
        f"# Coverage: {api}",
        "",
        "Computed from the markers of the suites and the declarations of the defects: `make coverage` writes it anew.",
        "",
        "| requirement | level | checks | defects that prove them |",
        "|---|---|---|---|",
    ]
    for requirement in catalogue.load(api).requirements:
        tests: dict[str, int] = {}
        for one, _ in checks.get(requirement.id, ()):
            tests[one.split("[")[0]] = tests.get(one.split("[")[0], 0) + 1
        shown = ", ".join(
            f"{name} ({number})" if number > 1 else name for name, number in sorted(tests.items())
        )
        defects = [
            f"{defect.id} ({defect.needs})" if defect.needs else defect.id
            for defect in list_defects(api)
            if defect.breaks[0] == requirement.id
        ]
        lines.append(
            f"| {requirement.id} {requirement.title} | {requirement.level} | {shown} | {', '.join(defects)} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes the table of every API."""
    for api in catalogue.apis():
        (catalogue.api_folder(api) / "coverage.md").write_text(table(api))


if __name__ == "__main__":
    main()
