"""Pictures of run folders, a file a kind; each has `draw`, which makes a figure or says why there is none."""
