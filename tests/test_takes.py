"""What checks take is what the files beside the specifications say."""

import pytest

from conformance import catalogue
from conformance.order import FILE
from tests.takes_table import learned, text


@pytest.mark.parametrize("api", catalogue.apis())
def test_the_file_is_what_a_run_takes(api: str) -> None:
    """The checks, and the resources that each takes alone or with others; `make coverage` writes it anew."""
    assert text(learned(api)) == (catalogue.api_folder(api) / FILE).read_text("utf-8")
