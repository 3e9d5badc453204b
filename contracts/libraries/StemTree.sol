// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Merkle tree over stems: typed leaves, sorted pairs, an odd node is promoted unchanged.
/// @dev A leaf hashes 160 bytes and a node 64, and leaves begin with a type tag, so no node can be read as a leaf.
library StemTree {
    bytes32 internal constant LEAF_TYPE =
        keccak256("StemLeaf(uint224 stemId,bytes32 sha256Digest,bytes32 cidDigest,uint8 cidCodec)");

    function leaf(uint224 stemId, bytes32 sha256Digest, bytes32 cidDigest, uint8 cidCodec)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(LEAF_TYPE, stemId, sha256Digest, cidDigest, cidCodec));
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
