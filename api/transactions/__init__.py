"""The sender: takes each job's one transaction to the chain and keeps it there."""
