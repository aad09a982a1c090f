"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = ("adaptive", "pool", "stopping", "weighted")
"""Modules that are not voters."""
