"""A slice of Kubo's RPC for development and tests: the same requests and CIDs as a Kubo node, and no network."""
