"""Resource servers that tokens are for."""
