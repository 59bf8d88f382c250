"""LDAP directories as providers: a service account searches, and the person's own bind decides."""
