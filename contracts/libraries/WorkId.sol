// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title The names of works, derived from content and never from a counter, so that no reorg can renumber them.
/// @dev A recording is named by the low 224 bits of the hash of its contentHash with the lowest byte cleared; that byte
/// names the stem: vocals 1, drums 2, bass 3, guitar 4, piano 5, other 6, and 0 is the recording itself.
library WorkId {
    uint8 internal constant LAST_KIND = 6;

    /// @param contentHash SHA-256 of the uploaded file's bytes.
    function ofRecording(bytes32 contentHash) internal pure returns (uint224) {
        return uint224(uint256(keccak256(abi.encode(contentHash)))) & ~uint224(0xff);
    }

    function ofStem(uint224 recordingId, uint8 kind) internal pure returns (uint224) {
        return recordingId | kind;
    }

    /// @return The recording that a work belongs to; a recording belongs to itself.
    function recordingOf(uint224 work) internal pure returns (uint224) {
        return work & ~uint224(0xff);
    }

    function kindOf(uint224 work) internal pure returns (uint8) {
        return uint8(work);
    }
}
