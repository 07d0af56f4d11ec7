"""Faults injected into a finished study at random, from a seed: see `harness`."""
