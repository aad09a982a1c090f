"""Reports: tables from run folders; those with a name are plugins."""

NOT_PLUGINS = ("comparison", "curves", "learning", "regress", "runs", "sheets", "table", "votes")
"""Modules that are no reports of their own."""
