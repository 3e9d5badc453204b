// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IStemRegistry} from "../interfaces/IStemRegistry.sol";

/// @title EIP-712 struct hashes of the messages that the registry and the titles accept.
library TypedData {
    bytes32 internal constant SHARE_TYPE = keccak256("Share(address account,uint32 ppm)");
    bytes32 internal constant PARENT_TYPE = keccak256("Parent(uint224 work,uint256 license)");
    bytes32 internal constant REGISTRATION_TYPE = keccak256(
        "Registration(address creator,bytes32 contentHash,bytes32 creditsDigest,uint8 creditsCodec,uint32 resaleRoyaltyPpm,Share[] split,Parent[] parents,uint64 deadline)"
        "Parent(uint224 work,uint256 license)" "Share(address account,uint32 ppm)"
    );
    bytes32 internal constant SEPARATION_TYPE = keccak256(
        "Separation(uint32 version,bytes32 stemsRoot,bytes32 model,bytes32 weightsHash,bytes32 manifestDigest,uint8 manifestCodec,bytes32 metadataDigest)"
    );
    bytes32 internal constant ATTESTATION_TYPE = keccak256(
        "Attestation(address creator,bytes32 contentHash,Separation separation,uint64 deadline)"
        "Separation(uint32 version,bytes32 stemsRoot,bytes32 model,bytes32 weightsHash,bytes32 manifestDigest,uint8 manifestCodec,bytes32 metadataDigest)"
    );
    bytes32 internal constant ORIGIN_TYPE = keccak256("Origin(address creator,bytes32 contentHash,uint64 deadline)");
    bytes32 internal constant VERSION_TYPE = keccak256(
        "Version(uint224 recordingId,uint32 version,bytes32 stemsRoot,bytes32 manifestDigest,uint8 manifestCodec)"
    );
    bytes32 internal constant ADOPTION_TYPE =
        keccak256("Adoption(uint224 work,uint32 version,bytes32 metadataDigest)");

    function hash(IStemRegistry.Registration calldata r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                REGISTRATION_TYPE,
                r.creator,
                r.contentHash,
                r.creditsDigest,
                r.creditsCodec,
                r.resaleRoyaltyPpm,
                hash(r.split),
                hash(r.parents),
                r.deadline
            )
        );
    }

    function hash(IStemRegistry.Share[] calldata split) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](split.length);
        for (uint256 i = 0; i < split.length; ++i) {
            hashes[i] = keccak256(abi.encode(SHARE_TYPE, split[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function hash(IStemRegistry.Parent[] calldata parents) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](parents.length);
        for (uint256 i = 0; i < parents.length; ++i) {
            hashes[i] = keccak256(abi.encode(PARENT_TYPE, parents[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function attestation(
        address creator,
        bytes32 contentHash,
        IStemRegistry.Separation calldata separation,
        uint64 deadline
    ) internal pure returns (bytes32) {
        bytes32 separationHash = keccak256(abi.encode(SEPARATION_TYPE, separation));
        return keccak256(abi.encode(ATTESTATION_TYPE, creator, contentHash, separationHash, deadline));
    }

    function origin(address creator, bytes32 contentHash, uint64 deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(ORIGIN_TYPE, creator, contentHash, deadline));
    }

    function version(uint224 recordingId, IStemRegistry.Separation calldata separation)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                VERSION_TYPE,
                recordingId,
                separation.version,
                separation.stemsRoot,
                separation.manifestDigest,
                separation.manifestCodec
            )
        );
    }

    function adoption(uint224 work, uint32 version_, bytes32 metadataDigest) internal pure returns (bytes32) {
        return keccak256(abi.encode(ADOPTION_TYPE, work, version_, metadataDigest));
    }
}
