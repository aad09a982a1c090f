"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = ("compare", "diagnosis", "placebo", "pool", "verdict", "weighted")
"""Modules that are not voters."""
