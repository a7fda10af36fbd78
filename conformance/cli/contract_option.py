"""`--contract FOLDER`, an option of every command that reads a profile, a record or a catalogue."""

from pathlib import Path

import click

from conformance.errors import ConformanceError


def _found(context: click.Context, parameter: click.Parameter, folders: tuple[Path, ...]) -> None:
    if folders:
        from conformance import contracts

        try:
            contracts.add_folders(folders)
        except ConformanceError as fault:
            raise click.BadParameter(f"{fault.message}\n{fault.hint}", context, parameter) from None


def takes_contracts(command: click.Command) -> click.Command:
    """Adds the option. It is read first: other options may name an API of such a folder."""
    command.params.append(
        click.Option(
            ["--contract"],
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            multiple=True,
            metavar="FOLDER",
            is_eager=True,
            expose_value=False,
            callback=_found,
            help="Also take APIs from this folder of a package with a contract.py; may be repeated.",
        )
    )
    return command
