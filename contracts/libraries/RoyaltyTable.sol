// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {StemTree} from "./StemTree.sol";
import {WorkId} from "./WorkId.sol";

/// @title Royalty tables: what each ancestor gets of a recording's revenue, in parts per million.
/// @notice An entry is one word, work << 32 | ppm. A table is strictly ascending by work, and every ppm is above zero.
/// @dev The Merkle tree over a table sorts the two of a pair, so its root does not tell their order; together with the
/// ascending order, which is checked whenever a table is shown, root and table determine each other. A leaf hashes 32
/// bytes and a node 64, so no node can be read as a leaf.
library RoyaltyTable {
    uint256 internal constant MAX_ANCESTORS = 128;
    uint256 internal constant MAX_STACK_PPM = 800_000;

    uint256 private constant PPM_BITS = 32;

    function entry(uint224 work, uint32 ppm) internal pure returns (uint256) {
        return (uint256(work) << PPM_BITS) | ppm;
    }

    function workOf(uint256 word) internal pure returns (uint224) {
        return uint224(word >> PPM_BITS);
    }

    function ppmOf(uint256 word) internal pure returns (uint32) {
        return uint32(word);
    }

    function leaf(uint256 word) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0x00, word)
            hash := keccak256(0x00, 0x20)
        }
    }

    /// @return The Merkle root of a table; zero for an empty one.
    function root(uint256[] memory table) internal pure returns (bytes32) {
        uint256 count = table.length;
        if (count == 0) return 0;
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = leaf(table[i]);
        }
        return StemTree.root(leaves);
    }

    /// @return Where the table breaks the strict order of works first; its length if nowhere.
    function firstDisorder(uint256[] memory table) internal pure returns (uint256) {
        uint256 count = table.length;
        for (uint256 i = 1; i < count; ++i) {
            if (table[i] >> PPM_BITS <= table[i - 1] >> PPM_BITS) return i;
        }
        return count;
    }

    /// @return recordings The distinct recordings to which ascending works belong, ascending.
    function recordingsOf(uint256[] memory table) internal pure returns (uint224[] memory recordings) {
        recordings = new uint224[](table.length);
        uint256 count = 0;
        for (uint256 i = 0; i < table.length; ++i) {
            uint224 recordingId = WorkId.recordingOf(workOf(table[i]));
            if (count == 0 || recordings[count - 1] != recordingId) recordings[count++] = recordingId;
        }
        assembly ("memory-safe") {
            mstore(recordings, count) // never longer than it was allocated
        }
    }

    function sumOf(uint256[] memory table) internal pure returns (uint256 ppm) {
        for (uint256 i = 0; i < table.length; ++i) {
            ppm += ppmOf(table[i]);
        }
    }

    /// @return kept The entries that grant something.
    function withoutZeros(uint256[] memory table) internal pure returns (uint256[] memory kept) {
        kept = new uint256[](table.length);
        uint256 count = 0;
        for (uint256 i = 0; i < table.length; ++i) {
            if (ppmOf(table[i]) != 0) kept[count++] = table[i];
        }
        assembly ("memory-safe") {
            mstore(kept, count) // never longer than it was allocated
        }
    }

    /// @notice The table in which every work has the sum of what it has in `a` and in `b`.
    /// @dev The caller has made sure that all the sums together fit 32 bits.
    function merge(uint256[] memory a, uint256[] memory b) internal pure returns (uint256[] memory merged) {
        if (a.length == 0) return b;
        if (b.length == 0) return a;
        merged = new uint256[](a.length + b.length);
        uint256 i = 0;
        uint256 j = 0;
        uint256 count = 0;
        while (i < a.length && j < b.length) {
            uint256 x = a[i];
            uint256 y = b[j];
            uint256 work = x >> PPM_BITS;
            uint256 other = y >> PPM_BITS;
            if (work <= other) ++i;
            if (other <= work) ++j;
            merged[count++] = work < other ? x : work > other ? y : x + ppmOf(y);
        }
        while (i < a.length) {
            merged[count++] = a[i++];
        }
        while (j < b.length) {
            merged[count++] = b[j++];
        }
        assembly ("memory-safe") {
            mstore(merged, count) // never longer than it was allocated
        }
    }
}
