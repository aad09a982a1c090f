"""Nano: a tiny Qwen2.5-VL that sees the world of harness/shapes, trained from nothing on two CPU cores."""

from .plan import Plan
from .train import train

__all__ = ["Plan", "train"]
