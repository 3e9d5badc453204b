"""Accounts by name: CAIP-10 identifiers such as ``eip155:1:0xAb…``."""

import re
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

_CAIP10 = re.compile(r"eip155:([1-9][0-9]{0,18}):(0x[0-9a-fA-F]{40})")


@dataclass(frozen=True, slots=True)
class Account:
    """A wallet address on one chain; the subject of every authenticated request.

    Source: CAIP-10 (account ids), CAIP-2 (``eip155`` namespace).
    """

    chain_id: int
    address: bytes

    @property
    def checksum_address(self) -> str:
        """The EIP-55 form of the address."""
        return str(to_checksum_address(self.address))

    @property
    def caip10(self) -> str:
        """The account id, with the address in EIP-55 form."""
        return f"eip155:{self.chain_id}:{self.checksum_address}"

    @classmethod
    def from_caip10(cls, text: str) -> "Account":
        """Return the account of an id.

        Raises:
            ValueError: not an account id of an EVM chain.
        """
        match = _CAIP10.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an eip155 account id")
        return cls(chain_id=int(match[1]), address=bytes.fromhex(match[2][2:]))
