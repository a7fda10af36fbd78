"""Describes sequences of requests, and the state machines that say what each step must be answered."""
