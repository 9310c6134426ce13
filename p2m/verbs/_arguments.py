"""Command lines of the verbs."""

import argparse
from typing import NoReturn

from p2m.errors import UsageError


class Arguments(argparse.ArgumentParser):
    """A parser whose faults are UsageErrors with the usage, so that main words and codes them."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}\n{self.format_usage().strip()}")
