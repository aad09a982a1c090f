"""Test-time scaling: evidence, its relevance, votes, curves; a file a voter."""

NOT_PLUGINS = (
    "adaptive",
    "ballots",
    "columns",
    "compare",
    "controls",
    "curves",
    "diagnosis",
    "evidence",
    "letters",
    "placebo",
    "pool",
    "released",
    "relevance",
    "signals",
    "stopping",
    "subsets",
    "verdict",
    "vote",
    "weighted",
)
"""Modules that are not voters."""
