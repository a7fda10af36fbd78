"""`sandbox`: serves the reference implementation."""

import click

from conformance.cli.terminal import guarded, product, style


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8700, show_default=True, help="0 takes a free one."
)
@click.option("--defect", "defects", multiple=True, metavar="ID", help="Switch a defect on; may be repeated.")
@click.option("--list-defects", is_flag=True, help="List the defects and what each breaks.")
@guarded
def sandbox(port: int, defects: tuple[str, ...], list_defects: bool) -> int | None:
    """Serve the reference implementation of the APIs, to play with."""
    from conformance import sandbox as room
    from conformance.demo import guide
    from conformance.errors import UsageError

    if list_defects:
        product(
            "".join(
                f"{style(one.id, 'bold')}  breaks {', '.join(one.breaks)}\n    {one.says}\n"
                for one in room.list_defects()
            )
        )
        return 0
    try:
        room.serve_forever(port, defects, on_ready=lambda url: click.echo(guide(url, defects)))
    except OSError as fault:
        raise UsageError(
            f"the sandbox can't listen on port {port}: {fault.strerror}",
            hint="Name another with --port; 0 is free.",
        ) from fault
    except ValueError as fault:
        raise UsageError(str(fault), hint="--list-defects names them all.") from fault
    return 0
