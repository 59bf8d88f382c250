"""web/login."""
