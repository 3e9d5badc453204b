// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";

/// @title Planted errors that slither must find, or its silence about the contracts means nothing.
contract Planted {
    mapping(address account => uint256) public balances;

    function deposit() external payable {
        balances[msg.sender] += msg.value;
    }

    /// @dev Pays before it writes.
    function withdraw() external {
        (bool sent,) = msg.sender.call{value: balances[msg.sender]}("");
        require(sent, "not sent");
        balances[msg.sender] = 0;
    }

    /// @dev Anyone empties it.
    function empty(address payable to) external {
        to.transfer(address(this).balance);
    }

    /// @dev Does not look at the answer.
    function move(IERC20 token, address to, uint256 amount) external {
        token.transfer(to, amount);
    }
}
