"""Training: the checkpoints that the harness evaluates."""
