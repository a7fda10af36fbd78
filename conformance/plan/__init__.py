"""What a run would do, found out by rehearsing it against the embedded sandbox. Nothing is sent to the target."""

from conformance.plan.figures import Plan, plan
from conformance.plan.text import as_json, text

__all__ = ["Plan", "as_json", "plan", "text"]
