"""Messages between the processes: one envelope, a few topics."""
