"""Where the Hugging Face hub is, whether it answers, and which commit was met there."""
