"""web/account."""
