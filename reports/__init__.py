"""Reports: tables from run folders; those with a name are plugins."""

NOT_PLUGINS = (
    "bars",
    "comparison",
    "curves",
    "learning",
    "plots",
    "probes",
    "reproduction",
    "sheets",
    "table",
    "votes",
)
"""Modules that are no reports of their own."""
