"""Models as /openai/models shows them: capabilities, limits and prices; times in epoch seconds."""

from __future__ import annotations

from typing import Any, List, Optional

from ._model import Model, dataclass, field
from .deployment import DeploymentBase

__all__ = ["ModelCapabilities", "ModelLimits", "ModelPricing", "ModelInfo"]


@dataclass
class ModelCapabilities(Model):
    """Which APIs a model serves."""

    scale_types: List[str] = field(default_factory=list)
    completion: Optional[bool] = None
    chat_completion: Optional[bool] = None
    embeddings: Optional[bool] = None
    fine_tune: Optional[bool] = None
    inference: Optional[bool] = None


@dataclass
class ModelLimits(Model):
    """How many tokens a request may have: `max_total_tokens`, or the other two."""

    max_total_tokens: Optional[int] = None
    max_prompt_tokens: Optional[int] = None
    max_completion_tokens: Optional[int] = None


@dataclass
class ModelPricing(Model):
    """Prices per `unit` (token or char_without_whitespace): decimal numbers as text, or objects on newer servers."""

    unit: str = ""
    prompt: Any = None
    completion: Any = None
    cache_read: Any = None
    cache_write: Any = None


@dataclass
class ModelInfo(DeploymentBase):
    """A model.

    GET /openai/models, GET /openai/models/{id}
    """

    _first = ("id", "model", "display_name", "description", "owner", "object", "status", "created_at", "updated_at")

    object: str = "model"
    model: str = ""
    created_at: Optional[int] = None  # type: ignore[assignment]  # seconds; 0.18.0 shows None where none came
    lifecycle_status: Optional[str] = None
    tokenizer_model: Optional[str] = None
    embedding_dimensions: Optional[int] = None
    capabilities: Optional[ModelCapabilities] = None
    limits: Optional[ModelLimits] = None
    pricing: Optional[ModelPricing] = None
