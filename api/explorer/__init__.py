"""For explorers and tools: Etherscan's shapes, the contracts with their sources, and links as EIP-3091 names them."""
