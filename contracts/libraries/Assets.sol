// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IRoyaltySplitter} from "../interfaces/IRoyaltySplitter.sol";

/// @title ERC-20 tokens and, as token zero, the chain's native coin.
library Assets {
    using SafeERC20 for IERC20;

    address internal constant NATIVE = address(0);

    function balanceOf(address token, address account) internal view returns (uint256) {
        return token == NATIVE ? account.balance : IERC20(token).balanceOf(account);
    }

    /// @notice Sends to one payee or reverts. A payee gets all gas and no return data of it is copied, so that it can harm
    /// nothing but this one call.
    function send(address token, address to, uint256 amount) internal {
        bool sent = token == NATIVE
            ? LowLevelCall.callNoReturn(to, amount, "")
            : IERC20(token).trySafeTransfer(to, amount);
        require(sent, IRoyaltySplitter.TransferFailed(token, to, amount));
    }
}
