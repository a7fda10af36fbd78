"""`catalogue`: lists the requirements."""

import click

from conformance.cli.terminal import guarded, product, style


@click.command()
@click.argument("requirement", required=False, metavar="[ID]")
@click.option("--api", help="Only this API.")
@guarded
def catalogue(requirement: str | None, api: str | None) -> int:
    """List the requirements; with an ID, show one in full."""
    from conformance import catalogue as catalogues
    from conformance.catalogue_text import listing, one_in_full
    from conformance.errors import UsageError

    if api is not None and api not in catalogues.apis():
        raise UsageError(f"there is no API {api}", hint=f"There are {', '.join(catalogues.apis())}.")
    if requirement is None:
        product(listing([catalogues.load(one) for one in ([api] if api else catalogues.apis())], style))
    else:
        product(one_in_full(requirement.upper(), style))
    return 0
