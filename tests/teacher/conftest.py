import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "calls"))  # for teacher_ends: the importlib mode of pytest adds no path
