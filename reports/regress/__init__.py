"""Whether a checkpoint is worse than the one before, by margins that are declared."""
