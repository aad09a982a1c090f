"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = ("letters", "pool", "released", "weighted")
"""Modules that are not voters."""
