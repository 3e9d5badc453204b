// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Cid} from "../libraries/Cid.sol";
import {StemTree} from "../libraries/StemTree.sol";
import {WorkId} from "../libraries/WorkId.sol";

/// @title Gives tests a door to the internal libraries.
contract LibraryProbe {
    function recordingId(bytes32 contentHash) external pure returns (uint224) {
        return WorkId.ofRecording(contentHash);
    }

    function leaf(uint224 stemId, bytes32 sha256Digest, bytes32 cidDigest, uint8 cidCodec)
        external
        pure
        returns (bytes32)
    {
        return StemTree.leaf(stemId, sha256Digest, cidDigest, cidCodec);
    }

    function root(bytes32[] memory leaves) external pure returns (bytes32) {
        return StemTree.root(leaves);
    }

    function climb(bytes32 start, bytes32[] calldata proof) external pure returns (bytes32) {
        return StemTree.climb(start, proof);
    }

    function cid(bytes32 digest, uint8 codec) external pure returns (string memory) {
        return Cid.toBase32(digest, codec);
    }
}
