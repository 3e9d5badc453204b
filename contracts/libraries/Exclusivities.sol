// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ILicenseManager} from "../interfaces/ILicenseManager.sol";
import {WorkId} from "./WorkId.sol";

/// @title The exclusive grants that run for one recording and kind, in one word.
/// @dev Bits 0 to 31: `until` of the grant of the recording, 32 to 39 its coverage, from 40 on six times 32 bits: `until`
/// of the grants of the stems, vocals first. `until` is the first second at which the works are free again; time frees
/// them, nobody has to. One place for the recording suffices, since every license of it covers bit 0.
library Exclusivities {
    uint256 private constant UNTIL_MASK = type(uint32).max;
    uint256 private constant COVERAGE_SHIFT = 32;
    uint256 private constant STEMS_SHIFT = 40;
    uint256 private constant UNTIL_BITS = 32;

    /// @return until When the last grant that meets `coverage` ends; zero when none runs now.
    function blockedUntil(uint256 word, uint8 coverage, uint256 time) internal pure returns (uint256 until) {
        if (word == 0) return 0;
        uint256 recordingUntil = word & UNTIL_MASK;
        if (recordingUntil > time && uint8(word >> COVERAGE_SHIFT) & coverage != 0) until = recordingUntil;
        for (uint8 kind = 1; kind <= WorkId.LAST_KIND; ++kind) {
            uint256 stemUntil = (word >> _shiftOf(kind)) & UNTIL_MASK;
            if (stemUntil > time && stemUntil > until && (coverage >> kind) & 1 != 0) until = stemUntil;
        }
    }

    /// @notice The word with one more grant, which nothing in it may block.
    function with(uint256 word, uint224 work, uint8 coverage, uint32 until) internal pure returns (uint256) {
        uint8 kind = WorkId.kindOf(work);
        if (kind == 0) {
            uint256 grantOfStems = (word >> STEMS_SHIFT) << STEMS_SHIFT;
            return grantOfStems | uint256(coverage) << COVERAGE_SHIFT | until;
        }
        return (word & ~(UNTIL_MASK << _shiftOf(kind))) | uint256(until) << _shiftOf(kind);
    }

    function unpack(uint256 word) internal pure returns (ILicenseManager.Exclusivity memory exclusivity) {
        exclusivity.until = uint32(word);
        exclusivity.coverage = uint8(word >> COVERAGE_SHIFT);
        for (uint8 kind = 1; kind <= WorkId.LAST_KIND; ++kind) {
            exclusivity.stemUntil[kind - 1] = uint32(word >> _shiftOf(kind));
        }
    }

    function _shiftOf(uint8 kind) private pure returns (uint256) {
        return STEMS_SHIFT + UNTIL_BITS * (kind - 1);
    }
}
