"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = (
    "ballots",
    "columns",
    "controls",
    "curves",
    "evidence",
    "letters",
    "pool",
    "released",
    "relevance",
    "signals",
    "subsets",
    "vote",
    "weighted",
)
"""Modules that are not voters."""
