"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = ("controls", "evidence", "letters", "pool", "released", "relevance", "signals", "weighted")
"""Modules that are not voters."""
