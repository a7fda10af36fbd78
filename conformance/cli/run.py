"""`run` and `demo`: certify targets."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from conformance.cli.terminal import Bar, complain, guarded, tell
from conformance.errors import ConformanceError


def _run_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option("--output", type=click.Path(path_type=Path), default=Path("reports"), show_default=True,
                         help="Where the run's folder goes."),
            click.option("--no-fuzz", is_flag=True, help="Leave the fuzzing out."),
            click.option("--fuzz-examples", type=click.IntRange(min=1), default=60, show_default=True, metavar="N",
                         help="Fuzzing cases per operation."),
            click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
                         help="The same seed sends the same fuzzing cases."),
            click.option("-n", "workers", type=click.IntRange(0, 16), default=0, metavar="WORKERS",
                         help="Checks run in so many processes."),
            click.option("--fail-on", type=click.Choice(["warning"]), help="Exit with 1 for a warning too."),
            click.option("--quiet", is_flag=True, help="Print only the verdict and where the report is."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("profiles", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PROFILE...")
@_run_options
@click.option(
    "-k", "expression", metavar="EXPR", help="Only checks whose name matches; the rest is deselected."
)
@click.option(
    "--requirement", "requirements", multiple=True, metavar="ID", help="Only checks of this requirement."
)
@click.option("--allow-live", is_flag=True, help="Permit a profile whose environment is live.")
@guarded
def run(profiles: tuple[Path, ...], **options: Any) -> int:
    """Certify the targets that the profiles name.

    Exit codes: 0 conformant, 1 non-conformant, 2 usage or profile error, 3 inconclusive, 4 the target was
    unreachable or the harness failed.
    """
    from conformance.runner import ready

    chosen = _options(**options)
    return _run_all([(ready(path, chosen), chosen) for path in profiles], **options)


@click.command()
@_run_options
@guarded
def demo(**options: Any) -> int:
    """Certify both APIs against the embedded sandbox."""
    import tempfile

    from conformance.demo import profiles
    from conformance.runner import ready
    from conformance.sandbox import Sandbox

    chosen = _options(**options)
    with Sandbox() as sandbox, tempfile.TemporaryDirectory(prefix="payout-conformance-") as folder:
        written = profiles(sandbox.url, Path(folder), os.environ)
        return _run_all([(ready(path, chosen), chosen) for path in written], **options)


def _options(**given: Any) -> Any:
    from conformance.runner import Options

    return Options(
        output=given["output"],
        examples=0 if given["no_fuzz"] else given["fuzz_examples"],
        seed=given["seed"],
        workers=given["workers"],
        expression=given.get("expression"),
        requirements=tuple(given.get("requirements") or ()),
        allow_live=given.get("allow_live", False),
    )


def _run_all(ready: list[tuple[Any, Any]], *, quiet: bool, fail_on: str | None, **_: Any) -> int:
    from conformance.report.verdict import exit_code
    from conformance.runner import run as certify
    from conformance.runner import worst

    codes = []
    for profile, options in ready:
        bar = Bar(quiet=quiet)
        try:
            finished = certify(profile, options, bar.step)
        except ConformanceError as fault:
            bar.close()
            complain(f"{profile.target.name}, {profile.target.api}: {fault.message}", fault.hint)
            codes.append(fault.exit_code)
            continue
        bar.close()
        tell(finished.record, finished.folder / "report.html", quiet=quiet)
        codes.append(exit_code(finished.record, fail_on_warning=fail_on == "warning"))
        if finished.interrupted:
            break
    return worst(codes)
