// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";

/// @title What the house uses of USDC beyond ERC-20: EIP-3009 with the signature as bytes, FiatToken version 2.2.
/// @dev The form with v, r, s can only be signed by keys; this one asks a payer that has code by ERC-1271.
interface IFiatToken is IERC20 {
    /// @notice Moves `value` from `from` to the caller, who must be `to`, by the signature of `from`.
    /// @param validAfter The authorization counts at times above it, `validBefore` at times below it.
    /// @param nonce Any word that `from` has not used.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) external;
}
