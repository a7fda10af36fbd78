"""The commands: thin, each one a call into the room that does the work.

Rooms are imported by the commands that need them: `--help` and `catalogue` shouldn't wait for pytest and httpx.
"""

import click

from conformance import __version__
from conformance.cli.catalogue import catalogue
from conformance.cli.report import report
from conformance.cli.run import demo, run
from conformance.cli.sandbox import sandbox


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="payout-conformance")
def main() -> None:
    """Certifies implementations of two payout-cancellation APIs: withdraws and payout intents."""


for _command in (demo, run, sandbox, catalogue, report):
    main.add_command(_command)
