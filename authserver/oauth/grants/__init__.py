"""oauth/grants."""
