"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = (
    "adaptive",
    "compare",
    "controls",
    "diagnosis",
    "evidence",
    "letters",
    "placebo",
    "pool",
    "released",
    "relevance",
    "signals",
    "stopping",
    "verdict",
    "weighted",
)
"""Modules that are not voters."""
