import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for teacher_ends: the importlib mode of pytest adds no path
