"""Text as such: reading a user's files, when two texts are the same, which language one is in."""
