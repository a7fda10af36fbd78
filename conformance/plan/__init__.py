"""Plans a run by rehearsing it against the embedded sandbox. Sends nothing to the target."""

from conformance.plan.figures import Plan, plan
from conformance.plan.text import as_json, text

__all__ = ["Plan", "as_json", "plan", "text"]
