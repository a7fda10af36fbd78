"""One folder per API: its verbs, and the tests that speak with them."""
