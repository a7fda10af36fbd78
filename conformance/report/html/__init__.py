"""Pages for people: `html` of one run, `overview` of several. Each is one file that loads nothing."""

from conformance.report.html.overview import overview
from conformance.report.html.page import page as html
from conformance.report.html.page import prepare

__all__ = ["html", "overview", "prepare"]
