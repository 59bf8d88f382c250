"""Our side of SAML without a server: what goes to a provider, what comes back, and what attackers make of it."""
