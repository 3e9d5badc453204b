// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title The code of a work's receiving address: an ERC-1167 minimal proxy that takes plain transfers by itself.
/// @dev A plain proxy would delegate them, for which the 2300 gas of Solidity's `transfer`, and of WETH, do not suffice.
library ReceiverCode {
    /// @return Creation code of a receiver that delegates calls with data to `implementation`.
    function creationCode(address implementation) internal pure returns (bytes memory) {
        return abi.encodePacked(
            // Returns the 51 bytes (0x33) that follow these nine.
            hex"60338060093d393df3",
            // CALLDATASIZE, PUSH1 5, JUMPI, STOP, JUMPDEST: a call without data ends here, and keeps its value.
            hex"36600557005b",
            // ERC-1167, whose one jump destination (0x2b) moved by those six bytes.
            hex"363d3d373d3d3d363d73",
            implementation,
            hex"5af43d82803e903d91603157fd5bf3"
        );
    }
}
