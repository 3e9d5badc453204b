// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Exclusivities} from "../../contracts/libraries/Exclusivities.sol";
import {Base} from "./Base.sol";

/// @title The word of exclusive grants blocks exactly what meets them.
contract ExclusivitiesTest is Base {
    // ------------------------------------------------------------------ fuzz

    /// @notice After a grant of a stem everything that covers the stem is blocked until its end, and what does not is as
    /// free as it was.
    function testFuzz_stem(uint256 word, uint8 kind, uint32 until, uint8 coverage, uint32 time) external pure {
        if (kind == 0 || kind > 6) return;
        uint8 own = uint8(1 << kind);
        if (Exclusivities.blockedUntil(word, own, time) != 0) return;
        uint256 blocked = Exclusivities.blockedUntil(Exclusivities.with(word, kind, own, until), coverage, time);
        uint256 before = Exclusivities.blockedUntil(word, coverage, time);
        if (coverage & own != 0 && until > time) assert(blocked >= until);
        if (coverage & own == 0) assert(blocked == before);
    }

    /// @notice The same for a recording and the stems that its license covers.
    function testFuzz_recording(uint256 word, uint8 covered, uint32 until, uint8 coverage, uint32 time) external pure {
        if (covered & 1 == 0) return;
        if (Exclusivities.blockedUntil(word, covered, time) != 0) return;
        uint256 blocked = Exclusivities.blockedUntil(Exclusivities.with(word, 0, covered, until), coverage, time);
        if (coverage & covered != 0 && until > time) assert(blocked >= until);
        if (until <= time) assert(blocked == _byStems(word, coverage, time));
    }

    // ------------------------------------------------------------------ proofs

    /// @notice Time alone frees everything.
    function check_timeFrees(uint256 word, uint8 coverage) external pure {
        assert(Exclusivities.blockedUntil(word, coverage, type(uint32).max) == 0);
    }

    // ------------------------------------------------------------------ internal

    function _byStems(uint256 word, uint8 coverage, uint32 time) private pure returns (uint256) {
        return Exclusivities.blockedUntil((word >> 40) << 40, coverage, time);
    }
}
