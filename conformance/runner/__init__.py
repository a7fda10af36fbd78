"""Runs a profile: pytest and fuzzing, then the run record and its reports."""

from conformance.runner.job import Finished, finish, run
from conformance.runner.options import Options, ready
from conformance.runner.resume import Unfinished, unfinished
from conformance.runner.together import together

__all__ = ["Finished", "Options", "Unfinished", "finish", "ready", "run", "together", "unfinished", "worst"]


def worst(codes: list[int]) -> int:
    """Returns one exit code for several runs: a failure outweighs a fault, a fault an inconclusive run."""
    return next((code for code in (1, 4, 2, 3) if code in codes), 0)
