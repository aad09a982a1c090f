"""How STGR rows are made: annotated by a model, filtered, verified, checked (arXiv 2510.20579, Sec. 3.2, A.4)."""
