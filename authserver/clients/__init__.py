"""Apps that send people to us or ask for tokens."""
