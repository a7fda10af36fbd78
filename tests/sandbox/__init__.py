"""Tests of the sandbox: what it answers, and that its defects are real."""
