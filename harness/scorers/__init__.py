"""Scorers: what says how well frames fit a question, for recipes such as aks:64; one file each, with the class
`scorer(folder)` (harness.contracts.Scorer)."""
