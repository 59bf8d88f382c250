"""Real peers: each is started on loopback with its data in a temporary folder, and stopped with it."""
