"""`new-contract`: a package for an API that payout-conformance doesn't know yet."""

from pathlib import Path

import click

from conformance.cli.terminal import guarded, shown


@click.command("new-contract")
@click.argument("name")
@click.option(
    "--openapi",
    "file",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The OpenAPI file of the API.",
)
@click.option("--cancel", metavar="PATH", help="The path of the cancel, where it doesn't end with /cancel.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where the folder NAME is made (default: here).",
)
@guarded
def new_contract(name: str, file: Path, cancel: str | None, output: Path) -> int:
    """Begin a package with the contract of a further API, with one check that passes and one that fails.

    NAME is what profiles call the API, as in acme-payouts. The package's README says what to do next.
    """
    from conformance import scaffold

    files = scaffold.write(name, scaffold.described(file, cancel), output)
    for one in files:
        click.echo(f"wrote {shown(one.resolve())}")
    click.echo(f"\nNext: read {shown((output / name / 'README.md').resolve())}.")
    return 0
