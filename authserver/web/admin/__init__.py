"""web/admin."""
