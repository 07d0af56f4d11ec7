"""The two banks of transformations: what is in them, and what they do to pixels (GIB sections 3 and 4)."""
