"""Reports: tables from run folders; those with a name are plugins."""

NOT_PLUGINS = (
    "bars",
    "baseline",
    "certainty",
    "comparison",
    "curves",
    "edition",
    "html",
    "latex",
    "layout",
    "learning",
    "plots",
    "printed",
    "probes",
    "published",
    "regress",
    "reproduction",
    "runs",
    "sheets",
    "table",
    "view",
    "votes",
)
"""Modules that are no reports of their own."""
