"""Profiles -> pytest and fuzzing -> the run record and its reports."""

from conformance.runner.job import Finished, resume, run
from conformance.runner.options import Options, ready
from conformance.runner.rest import Rest, rest

__all__ = ["Finished", "Options", "Rest", "ready", "rest", "resume", "run", "worst"]


def worst(codes: list[int]) -> int:
    """One exit code for several runs: a failure outweighs a fault, a fault what couldn't be settled."""
    return next((code for code in (1, 4, 2, 3) if code in codes), 0)
