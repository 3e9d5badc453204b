// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Assets} from "./libraries/Assets.sol";

/// @title What a work's receiving address can do: hand its money to the splitter, and nothing else.
/// @notice Created once by the splitter; the receiving addresses delegate to it, see ReceiverCode.
contract Receiver {
    error NotSplitter(address caller);

    address public immutable splitter = msg.sender;

    /// @notice Sends this much of a token (zero: native) to the splitter, which asks for it.
    function flush(address token, uint256 amount) external {
        require(msg.sender == splitter, NotSplitter(msg.sender));
        Assets.send(token, splitter, amount);
    }
}
