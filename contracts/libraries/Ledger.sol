// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title The arithmetic of the royalty ledger: what of a total that only grows is due to a share of it.
/// @notice Totals are at most `MAX_TOTAL` base units and shares at most `WHOLE_PPM`, so no product overflows a word.
/// @dev Each share rounds down, on the total and not on the payment: shares of n parts which sum to WHOLE_PPM leave less
/// than n base units of a total as dust, however many payments it came in. An entitlement never falls, because the total
/// does not; so what was taken by it once never exceeds it.
library Ledger {
    uint32 internal constant WHOLE_PPM = 1_000_000;

    /// @notice The most that may ever be paid in per token. Every total of a work is a part of it, so none overflows.
    uint256 internal constant MAX_TOTAL = type(uint120).max;

    /// @return What `ppm` parts per million of a total are entitled to in all; at most the total.
    function entitlement(uint128 total, uint32 ppm) internal pure returns (uint128) {
        unchecked {
            return uint128(uint256(total) * ppm / WHOLE_PPM); // the product has 160 bits at most
        }
    }

    /// @return amount What is due now: the entitlement less `taken`.
    /// @return takenAfter What has been taken once it is paid.
    function due(uint128 total, uint32 ppm, uint256 taken) internal pure returns (uint128 amount, uint128 takenAfter) {
        takenAfter = entitlement(total, ppm);
        amount = uint128(takenAfter - taken);
    }
}
