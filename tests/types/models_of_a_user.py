"""Models as a user may add them, in a module whose annotations are no texts."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from aidial_min.types import Conversation
from aidial_min.types._model import Model


class Vote(Model):
    """Undecorated."""

    value: int
    by: Optional[str] = None


@dataclass
class Talk(Conversation):
    """Decorated by the standard library."""

    votes: Optional[List[Vote]] = None
    by_name: Optional[Dict[str, Vote]] = None
    best: Optional[Vote] = None
    tags: List[str] = field(default_factory=list)
    more: Any = None
