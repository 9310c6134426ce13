"""Large models that are asked for examples and answers."""
