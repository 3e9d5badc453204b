"""A running anvil as tests and the demo use it: raw calls, snapshots, reorgs and the development keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stack.anvil import CHAIN_ID
from stemma.chain.json_rpc import call_blocking

MNEMONIC = "test test test test test test test test test test test junk"
"""Anvil's published development mnemonic: its keys are everybody's, for the embedded chain only."""


@dataclass(frozen=True, slots=True)
class AnvilNode:
    """A node by its URL."""

    url: str
    chain_id: int = CHAIN_ID

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call. :raises ChainError: the node answered an error, or not at all."""
        return call_blocking(self.url, method, *params, timeout=30)

    def block_number(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def mine(self, blocks: int = 1) -> None:
        self.rpc("anvil_mine", hex(blocks))

    def snapshot(self) -> str:
        """Remember the chain as it is, for `revert`, once."""
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Go back to a snapshot, which is used up."""
        if self.rpc("evm_revert", snapshot) is not True:
            raise ValueError(f"snapshot {snapshot} is unknown to {self.url}")

    def reorg(self, depth: int) -> None:
        """Replace the last `depth` blocks by empty ones; their transactions are gone."""
        self.rpc("anvil_reorg", depth, [])


def development_key(index: int) -> str:
    """The private key, `0x` + 64 hex, of anvil's development account `index`, each rich in test ether."""
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return str(account.key.to_0x_hex())
