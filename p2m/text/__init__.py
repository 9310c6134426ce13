"""What p2m knows about text as such: reading a user's files, telling when two texts are the same, guessing a language."""
