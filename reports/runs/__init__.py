"""Runs against each other on the same questions."""
