// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {Cid} from "./libraries/Cid.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {StemTree} from "./libraries/StemTree.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {WorkId} from "./libraries/WorkId.sol";

/// @title Provenance of recordings and their stems, see IStemRegistry.
contract StemRegistry is IStemRegistry, EIP712 {
    uint32 private constant MAX_RESALE_ROYALTY_PPM = 100_000;
    uint256 private constant MAX_SLOTS = 16;
    uint256 private constant WHOLE_PPM = 1_000_000;

    address public immutable admin;

    mapping(address account => bool) public isAttestor;
    mapping(uint224 recordingId => Recording) private _recordings;

    constructor(address admin_, address[] memory attestors) EIP712("StemRegistry", "1") {
        require(admin_ != address(0), ZeroAddress());
        admin = admin_;
        for (uint256 i = 0; i < attestors.length; ++i) {
            _grantAttestor(attestors[i]);
        }
    }

    modifier onlyAdmin() {
        require(msg.sender == admin, NotAdmin(msg.sender));
        _;
    }

    // ------------------------------------------------------------------ registration

    /// @inheritdoc IStemRegistry
    function registerAndCommit(
        Registration calldata registration,
        bytes calldata creatorSignature,
        Stem[6] calldata stems,
        Separation calldata separation,
        uint64 attestationDeadline,
        bytes calldata attestorSignature
    ) external returns (uint224 recordingId) {
        recordingId = WorkId.ofRecording(registration.contentHash);
        require(_recordings[recordingId].creator == address(0), RecordingExists(recordingId));

        _checkTerms(registration);
        _checkCreator(registration, creatorSignature);
        _checkStems(recordingId, stems, separation);
        address attestor = _attestorOf(
            attestationDigest(registration.creator, registration.contentHash, separation, attestationDeadline),
            attestationDeadline,
            attestorSignature
        );

        _recordings[recordingId] = Recording({
            creator: registration.creator,
            version: separation.version,
            resaleRoyaltyPpm: registration.resaleRoyaltyPpm,
            stemsRoot: separation.stemsRoot,
            metadataDigest: separation.metadataDigest
        });
        _emitRegistration(recordingId, registration, attestor);
        _emitSeparation(recordingId, stems, separation, attestor);
    }

    // ------------------------------------------------------------------ attestors

    /// @inheritdoc IStemRegistry
    function grantAttestor(address account) external onlyAdmin {
        _grantAttestor(account);
    }

    /// @inheritdoc IStemRegistry
    function revokeAttestor(address account) external onlyAdmin {
        require(isAttestor[account], NotAttestor(account));
        isAttestor[account] = false;
        emit AttestorRevoked(account);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IStemRegistry
    function exists(uint224 work) public view returns (bool) {
        return WorkId.kindOf(work) <= WorkId.LAST_KIND && _recordings[WorkId.recordingOf(work)].creator != address(0);
    }

    /// @inheritdoc IStemRegistry
    function recordingOf(uint224 work) external view returns (Recording memory) {
        return _existing(work);
    }

    /// @inheritdoc IStemRegistry
    function creatorOf(uint224 work) external view returns (address) {
        return _existing(work).creator;
    }

    /// @inheritdoc IStemRegistry
    function stemsRootOf(uint224 work) external view returns (bytes32) {
        return _existing(work).stemsRoot;
    }

    /// @inheritdoc IStemRegistry
    function isCommitted(uint224 stemId, Stem calldata stem, bytes32[] calldata proof) external view returns (bool) {
        return StemTree.climb(_leaf(stemId, stem), proof) == _existing(stemId).stemsRoot;
    }

    /// @inheritdoc IStemRegistry
    function registrationDigest(Registration calldata registration) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.hash(registration));
    }

    /// @inheritdoc IStemRegistry
    function attestationDigest(address creator, bytes32 contentHash, Separation calldata separation, uint64 deadline)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(TypedData.attestation(creator, contentHash, separation, deadline));
    }

    // ------------------------------------------------------------------ checks

    function _checkTerms(Registration calldata registration) private pure {
        // A remix needs the license it consumes; until licenses exist, only tracks can be registered.
        require(registration.parents.length == 0, ParentsNotSupported(registration.parents.length));
        require(Cid.isCodec(registration.creditsCodec), UnknownCodec(registration.creditsCodec));
        require(
            registration.resaleRoyaltyPpm <= MAX_RESALE_ROYALTY_PPM,
            ResaleRoyaltyTooHigh(registration.resaleRoyaltyPpm, MAX_RESALE_ROYALTY_PPM)
        );
        Share[] calldata split = registration.split;
        require(split.length <= MAX_SLOTS, TooManySlots(split.length, MAX_SLOTS));
        uint256 sum = 0;
        for (uint256 slot = 0; slot < split.length; ++slot) {
            require(split[slot].account != address(0) && split[slot].ppm != 0, EmptySlot(slot));
            sum += split[slot].ppm;
        }
        require(sum <= WHOLE_PPM, SplitTooHigh(sum, WHOLE_PPM));
    }

    function _checkCreator(Registration calldata registration, bytes calldata signature) private view {
        require(registration.creator != address(0), ZeroAddress());
        require(block.timestamp <= registration.deadline, DeadlinePassed(registration.deadline, block.timestamp));
        if (msg.sender == registration.creator) return;
        bytes32 digest = registrationDigest(registration);
        require(
            Signatures.isValid(registration.creator, digest, signature),
            InvalidCreatorSignature(registration.creator, digest)
        );
    }

    function _checkStems(uint224 recordingId, Stem[6] calldata stems, Separation calldata separation) private pure {
        require(separation.version == 0, WrongVersion(separation.version, 0));
        require(Cid.isCodec(separation.manifestCodec), UnknownCodec(separation.manifestCodec));
        bytes32[] memory leaves = new bytes32[](6);
        for (uint8 i = 0; i < 6; ++i) {
            require(Cid.isCodec(stems[i].cidCodec), UnknownCodec(stems[i].cidCodec));
            leaves[i] = _leaf(WorkId.ofStem(recordingId, i + 1), stems[i]);
        }
        bytes32 root = StemTree.root(leaves);
        require(root == separation.stemsRoot, StemsRootMismatch(separation.stemsRoot, root));
    }

    function _attestorOf(bytes32 digest, uint64 deadline, bytes calldata signature)
        private
        view
        returns (address attestor)
    {
        require(block.timestamp <= deadline, DeadlinePassed(deadline, block.timestamp));
        attestor = Signatures.recover(digest, signature);
        if (isAttestor[attestor]) return attestor;
        require(signature.length > 20, InvalidAttestation(digest));
        attestor = address(bytes20(signature[:20]));
        require(
            isAttestor[attestor] && Signatures.isValid(attestor, digest, signature[20:]), InvalidAttestation(digest)
        );
    }

    // ------------------------------------------------------------------ internal

    function _existing(uint224 work) private view returns (Recording storage) {
        require(exists(work), UnknownWork(work));
        return _recordings[WorkId.recordingOf(work)];
    }

    function _leaf(uint224 stemId, Stem calldata stem) private pure returns (bytes32) {
        return StemTree.leaf(stemId, stem.sha256Digest, stem.cidDigest, stem.cidCodec);
    }

    function _grantAttestor(address account) private {
        require(account != address(0), ZeroAddress());
        require(!isAttestor[account], AlreadyAttestor(account));
        isAttestor[account] = true;
        emit AttestorGranted(account);
    }

    function _emitRegistration(uint224 recordingId, Registration calldata registration, address attestor) private {
        emit RecordingRegistered({
            recordingId: recordingId,
            creator: registration.creator,
            attestor: attestor,
            contentHash: registration.contentHash,
            creditsDigest: registration.creditsDigest,
            creditsCodec: registration.creditsCodec,
            resaleRoyaltyPpm: registration.resaleRoyaltyPpm
        });
        Share[] calldata split = registration.split;
        for (uint8 slot = 0; slot < split.length; ++slot) {
            emit SlotFixed(recordingId, split[slot].account, slot, split[slot].ppm);
        }
    }

    function _emitSeparation(
        uint224 recordingId,
        Stem[6] calldata stems,
        Separation calldata separation,
        address attestor
    ) private {
        emit SeparationCommitted({
            recordingId: recordingId,
            attestor: attestor,
            version: separation.version,
            stemsRoot: separation.stemsRoot,
            model: separation.model,
            weightsHash: separation.weightsHash,
            manifestDigest: separation.manifestDigest,
            manifestCodec: separation.manifestCodec,
            metadataDigest: separation.metadataDigest
        });
        for (uint8 i = 0; i < 6; ++i) {
            emit StemCommitted({
                stemId: WorkId.ofStem(recordingId, i + 1),
                version: separation.version,
                sha256Digest: stems[i].sha256Digest,
                cidDigest: stems[i].cidDigest,
                cidCodec: stems[i].cidCodec
            });
        }
    }
}
