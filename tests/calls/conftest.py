"""Paths of the doubles beside the tests: the importlib mode of pytest adds none."""

import sys
from pathlib import Path

for folder in ("calls", "teacher"):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / folder))
