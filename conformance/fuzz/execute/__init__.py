"""Executes: sends cases and sequences to leased resources, confirms what fails, and shrinks it."""
