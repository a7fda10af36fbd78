"""`doctor` and `plan`: examine a target and a profile before a run."""

from pathlib import Path

import click

from conformance.cli.terminal import guarded, product, scrubbed, style


@click.command()
@click.argument("profile", type=click.Path(path_type=Path))
@click.option("--allow-live", is_flag=True, help="Permit a profile whose environment is live.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for the target to give its first answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@guarded
def doctor(profile: Path, *, allow_live: bool, wait_s: float, as_json: bool) -> int:
    """Examine a target and a profile before any verdict.

    DNS, TLS, clocks, credentials, every state that a run needs: what was tried, what came, what to do. Cancels
    nothing that exists; what it sets up is offered back.

    Exit codes: 0 all is well, 2 something has to be mended, 3 a run would be inconclusive, 4 the target can't be
    reached or is another service.
    """
    from conformance.doctor import finding as lines
    from conformance.doctor.examine import examine
    from conformance.doctor.waiting import wait
    from conformance.profile import load
    from conformance.report import codec
    from conformance.report.safe import inert, line

    loaded = load(profile, allow_live=allow_live)
    if wait_s:
        wait(loaded, wait_s)
    target = loaded.target
    if not as_json:
        name, where = style(line(target.name), "bold"), f"({target.api}, {line(target.environment)})"
        click.echo(f"{inert(f'{name} {where}')} at {line(target.base_url)}\n")
    found = []
    for one in examine(loaded):
        found.append(one)
        if not as_json:
            click.echo(scrubbed(lines.text(one, style)), nl=False)
    code = lines.exit_code(found)
    if as_json:
        told = {name: getattr(target, name) for name in ("name", "api", "base_url", "environment")}
        click.echo(scrubbed(codec.logged(lines.as_json(found, told), indent=1)))
    else:
        click.echo(f"\n{_CONCLUSIONS[code].format(profile=profile)}")
    return code


_CONCLUSIONS = {
    0: "All is well. Next: payout-conformance run {profile}",
    2: "Something has to be mended first: see the lines marked wrong.",
    3: "A run is possible, but it would be inconclusive: see the lines marked missing.",
    4: "There is nothing to certify yet: see the line marked unreachable.",
}


@click.command()
@click.argument("profile", type=click.Path(path_type=Path))
@click.option("--no-fuzz", is_flag=True, help="For a run without fuzzing.")
@click.option(
    "--fuzz-examples",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    metavar="N",
    help="For a run with so many fuzzing cases per operation.",
)
@click.option(
    "--latency-ms",
    type=click.FloatRange(0, 60_000),
    multiple=True,
    metavar="N",
    help="How long an answer of the target takes; may be repeated. [default: 1, 50, 200]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@guarded
def plan(
    profile: Path, *, no_fuzz: bool, fuzz_examples: int, latency_ms: tuple[float, ...], as_json: bool
) -> int:
    """Say what a run of PROFILE would do; nothing is sent to the target.

    Requests, resources per state, side effects, time, what can't be tested and what would make it testable: a run is
    rehearsed against the embedded sandbox, which takes a few seconds. For an API without a sandbox the plan says what
    it can't know. Credentials needn't be set.
    """
    from conformance import plan as plans
    from conformance.cli.terminal import Bar
    from conformance.plan.figures import LATENCIES_MS
    from conformance.report import codec
    from conformance.runner import Options

    bar = Bar(quiet=as_json)
    try:
        options = Options(examples=0 if no_fuzz else fuzz_examples)
        found = plans.plan(profile, options, bar.step, latency_ms or LATENCIES_MS)
    finally:
        bar.close()
    told = codec.logged(plans.as_json(found), indent=1) if as_json else plans.text(found, style).rstrip("\n")
    product(f"{told}\n")
    return 0
