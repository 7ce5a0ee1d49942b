"""What a user may configure of the comments on an episode's turns."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from embodied.feedback.base import FeedbackMode
from embodied.llm.config import LLMConfig


class FeedbackConfig(BaseModel):
    """Who comments on each turn, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    by: Literal["rule", "llm"] = "rule"
    """`rule`: errors and lost progress are bad, all else is good; `llm`: a model's opinion."""
    form: FeedbackMode = "binary"
    """`binary`: GOOD or BAD; `textual`: a comment in words."""
    llm: LLMConfig | None = None
    """The model that comments; null: the one of the run's own section `llm`."""

    @property
    def protocol(self) -> dict[str, Any]:
        """What makes scores comparable; `llm` is left out where the run's own model comments."""
        who = {"by": self.by, "form": self.form}
        return who if self.llm is None else {**who, "llm": self.llm.protocol}

    @model_validator(mode="after")
    def _model_only_for_llm(self) -> Self:
        if self.llm is not None and self.by != "llm":
            raise ValueError("feedback by a rule has no model; set by to llm, or leave llm out")
        return self
