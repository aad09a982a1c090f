"""CLIP and its kin, such as SigLIP: the cosine of the angle between the embeddings of a frame and of the question.

So the program of arXiv 2502.21271 scores with --extract_feature_model clip. The folder holds config.json, safetensors,
tokenizer and image processor, as transformers saves them. It runs on a GPU where there is one, in float32. A question
longer than the text tower takes is cut there, which is said once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError, UsageError
from harness.model import resolve

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)


class Clip:
    """The scorer."""

    version = 1

    def __init__(self, folder: str) -> None:
        """Check that the weights are there."""
        if not folder:
            raise UsageError("the scorer clip needs a model folder: --scorer clip:FOLDER")
        self.folder: Path = resolve(folder, sees=False).path
        self._model: Any = None
        self._told = False

    def start(self) -> None:
        """Load the model; DataError when the folder lacks something or is of another kind."""
        import torch
        from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            # The PIL backend: the other one needs torchvision.
            self._processor = AutoImageProcessor.from_pretrained(self.folder, backend="pil", trust_remote_code=False)
            self._tokenizer = AutoTokenizer.from_pretrained(self.folder, trust_remote_code=False)
            model = AutoModel.from_pretrained(
                self.folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
            )
        except (OSError, ValueError) as error:
            raise DataError(f"{self.folder} cannot be loaded: {str(error).splitlines()[0]}") from error
        if not hasattr(model, "get_image_features") or not hasattr(model, "get_text_features"):
            raise DataError(f"{self.folder} is a {type(model).__name__}, which has no embeddings of images and texts")
        # SigLIP was trained on texts filled up to one length, with the filling read; the others do not look at it.
        self._fills = str(model.config.model_type).startswith("siglip")
        self._longest = int(model.config.text_config.max_position_embeddings)
        self._model = model.to(self._device).eval()

    def look(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """The embeddings of frames, of length 1."""
        inputs = self._processor(images=list(images), return_tensors="pt")
        return self._embed(self._model.get_image_features, inputs)

    def score(self, question: str, seen: NDArray[np.float32]) -> list[float]:
        """The cosines of the angles between the frames and the question."""
        tokens = len(self._tokenizer(question, verbose=False)["input_ids"])
        if tokens > self._longest and not self._told:
            self._told = True
            log.warning(
                "the scorer reads %d tokens of a question; %r has %d and is cut", self._longest, question[:60], tokens
            )
        inputs = self._tokenizer(
            [question],
            padding="max_length",
            max_length=self._longest,
            truncation=True,
            return_attention_mask=not self._fills,
            return_tensors="pt",
        )
        (text,) = self._embed(self._model.get_text_features, inputs)
        return [float(cosine) for cosine in seen @ text]

    def _embed(self, features: Any, inputs: Any) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            found = features(**inputs.to(self._device)).pooler_output.float().cpu().numpy()
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


scorer = Clip
