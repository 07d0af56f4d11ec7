"""Figures and tables: what there is to show, and what draws it."""
