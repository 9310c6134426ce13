"""p2m turns a prompt into a small model."""

__version__ = "0.1.0"
