// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Makes several calls in one transaction, as whoever orders a block can.
contract InOneBlock {
    function run(address[] calldata targets, bytes[] calldata calls) external payable {
        for (uint256 i = 0; i < targets.length; ++i) {
            (bool done, bytes memory result) = targets[i].call(calls[i]);
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(result, 0x20), mload(result))
                }
            }
        }
    }
}
