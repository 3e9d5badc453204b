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

    function check_entitlementIsNoMoreThanTheTotal(uint120 total, uint32 ppm) external pure {
        if (ppm > WHOLE) return;
        assert(Ledger.entitlement(total, ppm) <= total);
    }

    function check_entitlementNeverFalls(uint120 total, uint120 more, uint32 ppm) external pure {
        if (ppm > WHOLE || uint128(total) + more > MOST) return;
        assert(Ledger.entitlement(uint128(total) + more, ppm) >= Ledger.entitlement(total, ppm));
    }

    /// @notice A stack and the rest of it never come to more than what was received.
    function check_twoSharesFit(uint120 total, uint32 stack) external pure {
        if (stack > WHOLE) return;
        uint256 sum = uint256(Ledger.entitlement(total, stack)) + Ledger.entitlement(total, WHOLE - stack);
        assert(sum <= total);
        assert(total - sum < 2);
    }

    /// @notice What is due is what is lacking, and is never below zero once it was taken by the rule.
    function check_dueDoesNotOverflow(uint120 total, uint120 more, uint32 ppm) external pure {
        if (ppm > WHOLE || uint128(total) + more > MOST) return;
        (, uint128 taken) = Ledger.due(total, ppm, 0);
        (uint128 due, uint128 takenAfter) = Ledger.due(uint128(total) + more, ppm, taken);
        assert(takenAfter == Ledger.entitlement(uint128(total) + more, ppm));
        assert(uint256(taken) + due == takenAfter);
    }
}
