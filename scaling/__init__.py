"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = ("pool", "weighted")
"""Modules that are not voters."""
