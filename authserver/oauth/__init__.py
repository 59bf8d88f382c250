"""The protocol. Authlib lives here and nowhere else; no Flask."""
