"""Probes: what an answer rests on, found out by changing what is shown; a file a probe."""

NOT_PLUGINS: tuple[str, ...] = ()
"""Modules that are no probes."""
