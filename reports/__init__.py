"""Reports: tables from run folders; those with a name are plugins."""

NOT_PLUGINS = ("comparison", "curves", "learning", "sheets", "table", "view", "votes")
"""Modules that are no reports of their own."""
