// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IStemRegistry} from "../interfaces/IStemRegistry.sol";

/// @title Merkle trees over stems and over batches: typed leaves, sorted pairs, an odd node is promoted unchanged.
/// @notice The tree of a separation is one node over the tree of its six stems and the leaf of its metadata directory.
/// @dev A leaf hashes at least 96 bytes and a node 64, and leaves begin with a type tag, so no node can be read as a leaf.
library StemTree {
    bytes32 internal constant LEAF_TYPE =
        keccak256("StemLeaf(uint224 stemId,bytes32 sha256Digest,bytes32 cidDigest,uint8 cidCodec)");

    bytes32 internal constant METADATA_LEAF_TYPE = keccak256("MetadataLeaf(uint224 recordingId,bytes32 metadataDigest)");
    bytes32 internal constant BATCH_LEAF_TYPE = keccak256(
        "BatchLeaf(uint224 recordingId,uint32 version,bytes32 stemsRoot,bytes32 model,bytes32 weightsHash,bytes32 manifestDigest,uint8 manifestCodec,bytes32 metadataDigest)"
    );

    function leaf(uint224 stemId, IStemRegistry.Stem calldata stem) internal pure returns (bytes32) {
        return keccak256(abi.encode(LEAF_TYPE, stemId, stem));
    }

    /// @param metadataDigest Digest of the dag-pb CID of the metadata directory.
    function metadataLeaf(uint224 recordingId, bytes32 metadataDigest) internal pure returns (bytes32) {
        return keccak256(abi.encode(METADATA_LEAF_TYPE, recordingId, metadataDigest));
    }

    /// @return The word that the registry keeps of a separation.
    function separationRoot(uint224 recordingId, bytes32 stemsRoot, bytes32 metadataDigest)
        internal
        pure
        returns (bytes32)
    {
        return node(stemsRoot, metadataLeaf(recordingId, metadataDigest));
    }

    /// @return A recording's leaf in a batch, which says its whole separation.
    function batchLeaf(uint224 recordingId, IStemRegistry.Separation calldata separation)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(BATCH_LEAF_TYPE, recordingId, separation));
    }

    /// @dev Consumes `nodes`: they are overwritten level by level.
    /// @param nodes At least one leaf.
    function root(bytes32[] memory nodes) internal pure returns (bytes32) {
        uint256 count = nodes.length;
        while (count > 1) {
            uint256 next = 0;
            for (uint256 i = 0; i + 1 < count; i += 2) {
                nodes[next++] = node(nodes[i], nodes[i + 1]);
            }
            if (count % 2 == 1) nodes[next++] = nodes[count - 1];
            count = next;
        }
        return nodes[0];
    }

    /// @return The root that `start` climbs to along its siblings, lowest first; promoted levels have no sibling.
    function climb(bytes32 start, bytes32[] calldata proof) internal pure returns (bytes32) {
        for (uint256 i = 0; i < proof.length; ++i) {
            start = node(start, proof[i]);
        }
        return start;
    }

    function node(bytes32 a, bytes32 b) internal pure returns (bytes32 hash) {
        (bytes32 low, bytes32 high) = a < b ? (a, b) : (b, a);
        // The scratch space holds exactly the two words; abi.encode would allocate for every node.
        assembly ("memory-safe") {
            mstore(0x00, low)
            mstore(0x20, high)
            hash := keccak256(0x00, 0x40)
        }
    }
}
