"""Test-time scaling: one file a voter."""
