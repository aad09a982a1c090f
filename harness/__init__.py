"""The evaluation harness for grounded video reasoning."""

__version__ = "0.1.0"
