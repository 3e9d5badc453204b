// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Ledger} from "../../contracts/libraries/Ledger.sol";
import {Base} from "./Base.sol";

/// @title The arithmetic of shares: nobody gets more than there is, and what is left is dust.
contract LedgerTest is Base {
    uint32 private constant WHOLE = 1_000_000;
    uint128 private constant MOST = type(uint120).max;

    // ------------------------------------------------------------------ fuzz

    /// @notice Paid in two payments or in one, claimed in between or not, a share comes to the same.
    function testFuzz_claimsInBetweenDoNotMatter(uint120 first, uint120 second, uint32 share) external pure {
        uint32 ppm = share % (WHOLE + 1);
        uint128 total = uint128(first) + second;
        CHEATS.assume(total <= MOST);
        (uint128 early, uint128 taken) = Ledger.due(first, ppm, 0);
        (uint128 late, uint128 takenInAll) = Ledger.due(total, ppm, taken);
        (uint128 atOnce,) = Ledger.due(total, ppm, 0);
        require(early + late == atOnce, "the moment of a claim matters");
        require(takenInAll == atOnce, "the count of what was taken is wrong");
    }

    /// @notice However a total is split, the parts come to no more than it, and lack less than one unit each.
    function testFuzz_dustIsBounded(uint120 total, uint256 seed, uint256 count) external pure {
        uint256 parts = within(count, 1, 129);
        uint32 left = WHOLE;
        uint256 sum = 0;
        for (uint256 i = 0; i < parts; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint32 ppm = i + 1 == parts ? left : uint32(seed % (left + 1));
            left -= ppm;
            sum += Ledger.entitlement(total, ppm);
        }
        require(sum <= total, "more than there is");
        require(total - sum < parts, "more than dust");
    }

    // ------------------------------------------------------------------ proofs

    /// @notice An entitlement is its exact share rounded down: no more than that, and less than one unit below it. Summed
    /// over shares of a million parts together, n entitlements come to no more than the total and lack less than n units.
    function check_entitlementIsNoMoreThanTheShare(uint120 total, uint32 ppm) external pure {
        if (ppm > WHOLE) return;
        (uint256 exact, uint256 entitled) = _inMillionths(total, ppm);
        assert(entitled <= exact);
    }

    function check_entitlementLacksLessThanOneUnit(uint120 total, uint32 ppm) external pure {
        if (ppm > WHOLE) return;
        (uint256 exact, uint256 entitled) = _inMillionths(total, ppm);
        assert(exact < entitled + WHOLE);
    }

    function check_entitlementIsNoMoreThanTheTotal(uint120 total, uint32 ppm) external pure {
        if (ppm > WHOLE) return;
        assert(Ledger.entitlement(total, ppm) <= total);
    }

    /// @notice So what was taken by it once never exceeds it, whatever is paid in later.
    function check_entitlementNeverFalls(uint120 total, uint120 later, uint32 ppm) external pure {
        if (ppm > WHOLE || later < total) return;
        assert(Ledger.entitlement(later, ppm) >= Ledger.entitlement(total, ppm));
    }

    /// @notice What is due is what is lacking, to the unit.
    function check_dueIsWhatIsLacking(uint120 total, uint32 ppm, uint128 taken) external pure {
        if (ppm > WHOLE || taken > Ledger.entitlement(total, ppm)) return;
        (uint128 amount, uint128 takenAfter) = Ledger.due(total, ppm, taken);
        assert(takenAfter == Ledger.entitlement(total, ppm));
        assert(uint256(taken) + amount == takenAfter);
    }

    // ------------------------------------------------------------------ internal

    /// @dev Unchecked, since 140 bits cannot overflow and a solver would have to prove that first.
    function _inMillionths(uint120 total, uint32 ppm) private pure returns (uint256 exact, uint256 entitled) {
        unchecked {
            exact = uint256(total) * ppm;
            entitled = uint256(Ledger.entitlement(total, ppm)) * WHOLE;
        }
    }
}
