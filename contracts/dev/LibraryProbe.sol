// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IStemRegistry} from "../interfaces/IStemRegistry.sol";
import {Cid} from "../libraries/Cid.sol";
import {RoyaltyTable} from "../libraries/RoyaltyTable.sol";
import {StemTree} from "../libraries/StemTree.sol";
import {WorkId} from "../libraries/WorkId.sol";

/// @title Gives tests a door to the internal libraries.
contract LibraryProbe {
    function recordingId(bytes32 contentHash) external pure returns (uint224) {
        return WorkId.ofRecording(contentHash);
    }

    function leaf(uint224 stemId, IStemRegistry.Stem calldata stem) external pure returns (bytes32) {
        return StemTree.leaf(stemId, stem);
    }

    function separationRoot(uint224 recordingId_, bytes32 stemsRoot, bytes32 metadataDigest)
        external
        pure
        returns (bytes32)
    {
        return StemTree.separationRoot(recordingId_, stemsRoot, metadataDigest);
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

    function tableRoot(uint256[] memory table) external pure returns (bytes32) {
        return RoyaltyTable.root(table);
    }

    function merge(uint256[] memory a, uint256[] memory b) external pure returns (uint256[] memory) {
        return RoyaltyTable.merge(a, b);
    }

    function firstDisorder(uint256[] memory table) external pure returns (uint256) {
        return RoyaltyTable.firstDisorder(table);
    }
}
