"""How STGR rows are made: annotated by a model, then filtered, verified and checked (arXiv 2510.20579, Sec. 3.2, A.4)."""
