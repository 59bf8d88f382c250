"""Tokens: the grant that they descend from, and the one place where they are made."""
