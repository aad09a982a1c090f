"""A world of our own: synthetic clips of coloured shapes whose every fact is known exactly."""
