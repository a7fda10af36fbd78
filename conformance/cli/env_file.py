"""`--env-file FILE`, an option of the commands that read a profile: brings the variables that it names."""

import os
from pathlib import Path
from typing import Any

import click


def takes_env_file(command: click.Command) -> click.Command:
    """Adds the option to a command. The file is read before the command runs; a variable that is set stays as it is."""
    command.params.append(
        click.Option(
            ["--env-file"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            expose_value=False,
            callback=_loaded,
            help="Take variables that aren't set from this file of NAME=value lines.",
        )
    )
    return command


def _loaded(context: click.Context, option: click.Parameter, path: Path | None) -> Any:
    """Sets the variables of a file. Raises click.BadParameter where it can't be read."""
    if path is None:
        return
    from dotenv import dotenv_values

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        why = getattr(fault, "strerror", None) or fault
        raise click.BadParameter(f"{path} can't be read: {why}", context, option) from None
    from io import StringIO

    # A secret may hold a dollar sign: nothing in a value is replaced.
    for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items():
        if value is not None and not os.environ.get(name):
            os.environ[name] = value
