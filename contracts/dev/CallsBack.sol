// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC721Receiver} from "@openzeppelin/contracts/interfaces/IERC721Receiver.sol";

/// @title A receiver of titles and licenses that calls back while it is handed one.
contract CallsBack is IERC721Receiver {
    address public immutable target;
    bytes public data;

    constructor(address target_, bytes memory data_) {
        target = target_;
        data = data_;
    }

    function prepare(bytes calldata data_) external {
        data = data_;
    }

    /// @inheritdoc IERC721Receiver
    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        (bool done, bytes memory result) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        return IERC721Receiver.onERC721Received.selector;
    }
}
