"""No tracker: a run's own folder is all that tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class NoTracker:
    """Does nothing."""

    def start(self, run: Path, config: Mapping[str, Any]) -> None:
        """Nothing."""

    def point(self, stage: str, values: Mapping[str, float]) -> None:
        """Nothing."""

    def end(self, run: Path, config: Mapping[str, Any], error: str | None) -> None:
        """Nothing."""
