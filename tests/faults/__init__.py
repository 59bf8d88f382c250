"""What clients still have after something died: `python -m tests.faults`, and a short form in the tests."""
