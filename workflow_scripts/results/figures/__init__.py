"""One module a figure; each reads metric tables only."""
