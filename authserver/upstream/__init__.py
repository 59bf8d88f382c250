"""Providers that people sign in with: what one is, which there are, and what came back from one."""
