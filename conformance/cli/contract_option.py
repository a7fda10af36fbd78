"""`--contract FOLDER`, an option of every command that reads a profile, a record or a catalogue.

It is read before the command's other options: which of these there are depends on the contracts.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import click

from conformance.errors import ConformanceError

_NAME = "--contract"


def takes_contracts(command: click.Command) -> click.Command:
    """Adds the option to a command; `read_contracts` is what makes use of it."""
    command.params.append(
        click.Option(
            [_NAME],
            multiple=True,
            metavar="FOLDER",
            expose_value=False,
            help="Also take APIs from this folder of a package with a contract.py; may be repeated.",
        )
    )
    return command


def read_contracts(command: click.Command, words: Sequence[str]) -> None:
    """Takes the contracts that a command line names. Raises click.UsageError where a folder holds none."""
    folders = list(_folders(words))
    if folders and any(_NAME in parameter.opts for parameter in command.params):
        from conformance import contracts

        try:
            contracts.add_folders(folders)
        except ConformanceError as fault:
            raise click.BadParameter(f"{fault.message}\n{fault.hint}", param_hint=_NAME) from None


def _folders(words: Sequence[str]) -> Iterator[Path]:
    for word, following in pairwise((*words, "")):
        name, given, value = word.partition("=")
        if word == "--":
            return
        if name == _NAME and (value if given else following):
            yield Path(value if given else following)
