"""The commands: each calls the package that does the work, and imports it when it runs.

So `--help` and `catalogue` don't wait for pytest and httpx.
"""

# ruff: noqa: E402 - the first thing that a command does: everything else is imported after it
from conformance import apart

apart.leave_the_current_folder()

import sys
from typing import Any

import click

from conformance import __version__
from conformance.cli import output
from conformance.cli.catalogue import catalogue
from conformance.cli.certificates import certify, countersign, keygen, verify
from conformance.cli.contract_option import read_contracts, takes_contracts
from conformance.cli.env_file import takes_env_file
from conformance.cli.init import init
from conformance.cli.new_contract import new_contract
from conformance.cli.registry import registry
from conformance.cli.replay import replay
from conformance.cli.report import compare, report
from conformance.cli.run import demo, run
from conformance.cli.sandbox import sandbox
from conformance.cli.setup import doctor, plan


class _Commands(click.Group):
    """Every wrong command line gets the line that leads to the help; click leaves it out of some.

    Output that can't be written changes no exit code: click would make one of its own of that.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        output.prepare()
        return super().main(*args, **options)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, words = super().resolve_command(ctx, args)
        if command is not None:
            read_contracts(command, words)
        return name, command, words

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as fault:
            fault.ctx = fault.ctx or ctx
            raise
        except KeyboardInterrupt:
            # click would exit with 1, the code of a non-conformant target.
            sys.exit(130)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="payout-conformance")
def main() -> None:
    """Certifies implementations of payout-cancellation APIs; `catalogue` lists them with their requirements."""


for _command in (
    init,
    doctor,
    plan,
    run,
    catalogue,
    report,
    replay,
    compare,
    certify,
    countersign,
    verify,
    registry,
):
    main.add_command(takes_contracts(_command))
for _command in (doctor, plan, run, replay):
    takes_env_file(_command)
for _command in (demo, sandbox, keygen, new_contract):
    main.add_command(_command)
