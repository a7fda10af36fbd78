"""Webhooks of a target: a server that receives them, and what their bodies hold."""
