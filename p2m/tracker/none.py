"""No tracker: a run's own folder is all that tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class NoTracker:
    """Does nothing."""

    def log(self, run: Path, config: Mapping[str, Any]) -> None:
        """Leaves everything as it is."""
