"""What a service needs of the chain: deployments, ABIs, signed intents, signature checks, the Merkle tree of stems."""
