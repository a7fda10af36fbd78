"""The proof: every defect of the sandbox is caught and rightly named, no honest variant is accused."""
