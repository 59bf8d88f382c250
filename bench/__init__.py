"""Measures authserver beside another provider, in one run, on one machine."""
