"""What a completion earns, and why: the rewards of arXiv 2510.20579 (Sec. 3.3) and those of its released program."""
