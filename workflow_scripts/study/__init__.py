"""The typed study: what is measured, and how jobs run."""
