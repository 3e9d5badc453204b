// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {RoyaltyTable} from "../../contracts/libraries/RoyaltyTable.sol";
import {Base} from "./Base.sol";

/// @title The merge of royalty tables: `testFuzz_` by forge over tables of any size, `check_` by halmos over all small ones.
contract TablesTest is Base {
    uint256 private constant LONGEST = 40;

    // ------------------------------------------------------------------ fuzz

    function testFuzz_mergeKeepsTheSum(uint256 seed, uint256 m, uint256 n) external pure {
        uint256[] memory a = _table(seed, m);
        uint256[] memory b = _table(~seed, n);
        uint256[] memory merged = RoyaltyTable.merge(a, b);
        require(RoyaltyTable.sumOf(merged) == RoyaltyTable.sumOf(a) + RoyaltyTable.sumOf(b), "the sum changed");
        require(RoyaltyTable.firstDisorder(merged) == merged.length, "the order broke");
    }

    function testFuzz_mergeGivesEachWorkItsSum(uint256 seed, uint256 m, uint256 n, uint256 pick) external pure {
        uint256[] memory a = _table(seed, m);
        uint256[] memory b = _table(~seed, n);
        uint256[] memory merged = RoyaltyTable.merge(a, b);
        if (merged.length == 0) return;
        uint224 work = RoyaltyTable.workOf(merged[pick % merged.length]);
        require(_shareOf(merged, work) == _shareOf(a, work) + _shareOf(b, work), "a share changed");
    }

    function testFuzz_mergeDoesNotAskForTheOrder(uint256 seed, uint256 m, uint256 n) external pure {
        uint256[] memory a = _table(seed, m);
        uint256[] memory b = _table(~seed, n);
        bytes32 one = keccak256(abi.encode(RoyaltyTable.merge(a, b)));
        require(one == keccak256(abi.encode(RoyaltyTable.merge(b, a))), "the order of parents matters");
    }

    function testFuzz_rootNamesTheTable(uint256 seed, uint256 n, uint256 place, uint256 other) external pure {
        uint256[] memory table = _table(seed, n);
        if (table.length == 0) return;
        bytes32 root = RoyaltyTable.root(table);
        uint256 word = table[place % table.length];
        CHEATS.assume(word != other);
        table[place % table.length] = other;
        require(RoyaltyTable.root(table) != root, "another table has the same root");
    }

    // ------------------------------------------------------------------ proofs

    /// @notice All tables of two entries and one.
    function check_mergeOfTwoAndOne(uint224 x, uint224 y, uint224 z, uint32 p, uint32 q, uint32 r) external pure {
        if (x >= y || p == 0 || q == 0 || r == 0) return;
        if (uint256(p) + q + r > RoyaltyTable.MAX_STACK_PPM) return;
        uint256[] memory a = new uint256[](2);
        (a[0], a[1]) = (RoyaltyTable.entry(x, p), RoyaltyTable.entry(y, q));
        uint256[] memory b = new uint256[](1);
        b[0] = RoyaltyTable.entry(z, r);
        _checkMerge(a, b, x, y, z);
    }

    /// @notice All tables of two entries each.
    function check_mergeOfTwoAndTwo(uint224 x, uint224 y, uint224 z, uint224 w, uint32 p, uint32 q) external pure {
        if (x >= y || z >= w || p == 0 || q == 0) return;
        if (2 * (uint256(p) + q) > RoyaltyTable.MAX_STACK_PPM) return;
        uint256[] memory a = new uint256[](2);
        (a[0], a[1]) = (RoyaltyTable.entry(x, p), RoyaltyTable.entry(y, q));
        uint256[] memory b = new uint256[](2);
        (b[0], b[1]) = (RoyaltyTable.entry(z, q), RoyaltyTable.entry(w, p));
        _checkMerge(a, b, x, y, z);
    }

    /// @notice Of any three parents the ones without a share leave, and nothing else changes.
    function check_onlyZerosLeave(uint224 x, uint224 y, uint224 z, uint32 p, uint32 q, uint32 r) external pure {
        if (x >= y || y >= z) return;
        uint256[] memory table = new uint256[](3);
        (table[0], table[1], table[2]) = (RoyaltyTable.entry(x, p), RoyaltyTable.entry(y, q), RoyaltyTable.entry(z, r));
        uint256[] memory kept = RoyaltyTable.withoutZeros(table);
        assert(kept.length == (p == 0 ? 0 : 1) + (q == 0 ? 0 : 1) + (r == 0 ? 0 : 1));
        assert(RoyaltyTable.firstDisorder(kept) == kept.length);
        assert(_shareOf(kept, x) == p && _shareOf(kept, y) == q && _shareOf(kept, z) == r);
        for (uint256 i = 0; i < kept.length; ++i) {
            assert(RoyaltyTable.ppmOf(kept[i]) != 0);
        }
    }

    /// @notice No table of three that breaks the order, or names a work twice, passes for one that keeps it.
    function check_disorderIsFound(uint224 x, uint224 y, uint224 z, uint32 p, uint32 q, uint32 r) external pure {
        uint256[] memory table = new uint256[](3);
        (table[0], table[1], table[2]) = (RoyaltyTable.entry(x, p), RoyaltyTable.entry(y, q), RoyaltyTable.entry(z, r));
        assert((RoyaltyTable.firstDisorder(table) == 3) == (x < y && y < z));
    }

    function check_entryKeepsBothParts(uint224 work, uint32 ppm) external pure {
        uint256 word = RoyaltyTable.entry(work, ppm);
        assert(RoyaltyTable.workOf(word) == work);
        assert(RoyaltyTable.ppmOf(word) == ppm);
    }

    // ------------------------------------------------------------------ internal

    function _checkMerge(uint256[] memory a, uint256[] memory b, uint224 x, uint224 y, uint224 z) private pure {
        uint256[] memory merged = RoyaltyTable.merge(a, b);
        assert(RoyaltyTable.firstDisorder(merged) == merged.length);
        assert(RoyaltyTable.sumOf(merged) == RoyaltyTable.sumOf(a) + RoyaltyTable.sumOf(b));
        assert(_shareOf(merged, x) == _shareOf(a, x) + _shareOf(b, x));
        assert(_shareOf(merged, y) == _shareOf(a, y) + _shareOf(b, y));
        assert(_shareOf(merged, z) == _shareOf(a, z) + _shareOf(b, z));
    }

    function _shareOf(uint256[] memory table, uint224 work) private pure returns (uint256 ppm) {
        for (uint256 i = 0; i < table.length; ++i) {
            if (RoyaltyTable.workOf(table[i]) == work) ppm += RoyaltyTable.ppmOf(table[i]);
        }
    }

    /// @dev Ascending works close together, so that two tables meet in many of them.
    function _table(uint256 seed, uint256 length) private pure returns (uint256[] memory table) {
        table = new uint256[](length % LONGEST);
        uint224 work = 0;
        for (uint256 i = 0; i < table.length; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            work += uint224(1 + seed % 3);
            table[i] = RoyaltyTable.entry(work, uint32(1 + (seed >> 8) % 9_000));
        }
    }
}
