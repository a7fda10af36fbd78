"""Reads profiles as a run would, and sends nothing: for pre-commit.

`python -m conformance.cli.check_profiles PROFILE...`; variables that a profile names needn't be set. Exit codes: 0, and
2 where a profile has a mistake.
"""

import sys
from pathlib import Path

from conformance.cli.terminal import complain
from conformance.errors import ConformanceError


def main(words: list[str]) -> int:
    """Returns 0, or 2 where one of the profiles has a mistake; each is told, with the line and a correction."""
    from conformance.plan.figures import readable

    code = 0
    for word in words:
        try:
            readable(Path(word))
        except ConformanceError as fault:
            complain(fault.message, fault.hint)
            code = 2
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
