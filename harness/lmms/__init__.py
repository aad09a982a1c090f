"""To and from lmms-eval (github.com/EvolvingLMMs-Lab/lmms-eval): our votes under its harness, its logs in ours.

`lmms-eval --model grounded-harness` finds `manifest` by the entry point `lmms_eval.models`. Only that and model.py need
lmms-eval, and only lmms-eval imports them.
"""

from __future__ import annotations

from typing import Any

MODEL = "grounded-harness"


def manifest() -> Any:
    """What lmms-eval is told of our model."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest(model_id=MODEL, chat_class_path="harness.lmms.model.GroundedHarness")
