"""What the training process needs is set up as for its own tests."""

from tests.fit.conftest import quiet

__all__ = ["quiet"]
