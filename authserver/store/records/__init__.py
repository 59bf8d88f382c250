"""What the ORM maps, for set-up and administration. Requests of every day do without (see the modules beside)."""
