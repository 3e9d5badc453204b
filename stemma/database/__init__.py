"""Access to the one Postgres: engines and group roles."""
