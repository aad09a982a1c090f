"""Reports: tables from run folders; those with a name are plugins."""

NOT_PLUGINS = (
    "baseline",
    "certainty",
    "comparison",
    "curves",
    "edition",
    "html",
    "latex",
    "layout",
    "learning",
    "printed",
    "published",
    "reproduction",
    "sheets",
    "table",
    "votes",
)
"""Modules that are no reports of their own."""
