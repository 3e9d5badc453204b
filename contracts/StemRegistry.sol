// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IIPNFT} from "./interfaces/IIPNFT.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IRoles} from "./interfaces/IRoles.sol";
import {IRoyaltySplitter} from "./interfaces/IRoyaltySplitter.sol";
import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {Cid} from "./libraries/Cid.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {StemTree} from "./libraries/StemTree.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {WorkId} from "./libraries/WorkId.sol";
import {Ancestry} from "./registry/Ancestry.sol";

/// @title Provenance and ancestry of recordings, see IStemRegistry.
contract StemRegistry is Ancestry, EIP712 {
    uint32 private constant MAX_RESALE_ROYALTY_PPM = 100_000;
    uint256 private constant MAX_SLOTS = 16;
    uint256 private constant WHOLE_PPM = 1_000_000;

    IRoles public immutable roles;
    IIPNFT public immutable titles;
    IRoyaltySplitter public immutable splitter;

    mapping(bytes32 commitment => uint256) public commitmentBlockOf;
    mapping(uint224 recordingId => Recording) private _recordings;
    mapping(bytes32 root => Batch) private _batches;

    constructor(IRoles roles_, IIPNFT titles_, IRoyaltySplitter splitter_, ILicenses licenses_)
        Ancestry(licenses_)
        EIP712("StemRegistry", "1")
    {
        roles = roles_;
        titles = titles_;
        splitter = splitter_;
    }

    // ------------------------------------------------------------------ registration

    /// @inheritdoc IStemRegistry
    function commit(bytes32 commitment) external {
        if (commitmentBlockOf[commitment] != 0) return;
        commitmentBlockOf[commitment] = block.number;
        emit CommitmentMade(commitment);
    }

    /// @inheritdoc IStemRegistry
    function registerCommitted(
        Registration calldata registration,
        bytes calldata creatorSignature,
        uint256[][] calldata tables,
        bytes32 salt
    ) external returns (uint224 recordingId) {
        recordingId = _newRecording(registration.contentHash);
        bytes32 commitment = commitmentOf(registration.creator, registration.contentHash, salt);
        uint256 madeInBlock = commitmentBlockOf[commitment];
        require(madeInBlock != 0, UnknownCommitment(commitment));
        require(madeInBlock < block.number, CommitmentTooYoung(commitment, madeInBlock));
        _register(recordingId, registration, creatorSignature, tables, address(0));
    }

    /// @inheritdoc IStemRegistry
    function registerAttested(
        Registration calldata registration,
        bytes calldata creatorSignature,
        uint256[][] calldata tables,
        uint64 attestationDeadline,
        bytes calldata attestorSignature
    ) external returns (uint224 recordingId) {
        recordingId = _newRecording(registration.contentHash);
        bytes32 digest = originDigest(registration.creator, registration.contentHash, attestationDeadline);
        address attestor = _attestorOf(digest, attestationDeadline, attestorSignature);
        _register(recordingId, registration, creatorSignature, tables, attestor);
    }

    /// @inheritdoc IStemRegistry
    function registerAndCommit(
        Registration calldata registration,
        bytes calldata creatorSignature,
        uint256[][] calldata tables,
        Stem[6] calldata stems,
        Separation calldata separation,
        uint64 attestationDeadline,
        bytes calldata attestorSignature
    ) external returns (uint224 recordingId) {
        recordingId = _newRecording(registration.contentHash);
        address attestor = _attestorOf(
            attestationDigest(registration.creator, registration.contentHash, separation, attestationDeadline),
            attestationDeadline,
            attestorSignature
        );
        _register(recordingId, registration, creatorSignature, tables, attestor);
        require(separation.version == 0, WrongVersion(separation.version, 0));
        _separate(recordingId, stems, separation, attestor);
    }

    // ------------------------------------------------------------------ separations

    /// @inheritdoc IStemRegistry
    function commitSeparation(
        bytes32 contentHash,
        Stem[6] calldata stems,
        Separation calldata separation,
        uint64 attestationDeadline,
        bytes calldata attestorSignature,
        bytes calldata holderSignature
    ) external {
        uint224 recordingId = WorkId.ofRecording(contentHash);
        Recording storage recording = _existing(recordingId);
        address attestor = _attestorOf(
            attestationDigest(recording.creator, contentHash, separation, attestationDeadline),
            attestationDeadline,
            attestorSignature
        );
        uint32 expected = recording.separationRoot == 0 ? 0 : recording.version + 1;
        require(separation.version == expected, WrongVersion(separation.version, expected));
        if (expected != 0) {
            _checkHolder(recordingId, separation, holderSignature);
            recording.version = expected;
        }
        _separate(recordingId, stems, separation, attestor);
    }

    /// @inheritdoc IStemRegistry
    function anchorBatch(bytes32 root, uint32 count, bytes32 manifestDigest, uint8 manifestCodec) external {
        require(roles.isAttestor(msg.sender), NotAttestor(msg.sender));
        require(count != 0, EmptyBatch());
        require(Cid.isCodec(manifestCodec), UnknownCodec(manifestCodec));
        require(_batches[root].count == 0, BatchExists(root));
        _batches[root] = Batch({attestor: msg.sender, anchoredBlock: uint40(block.number), count: count});
        emit BatchAnchored(root, msg.sender, count, manifestDigest, manifestCodec);
    }

    /// @inheritdoc IStemRegistry
    function materialize(
        bytes32 root,
        uint224 recordingId,
        Stem[6] calldata stems,
        Separation calldata separation,
        bytes32[] calldata proof
    ) external {
        Batch memory batch = _batches[root];
        require(batch.count != 0, UnknownBatch(root));
        require(WorkId.kindOf(recordingId) == 0, UnknownWork(recordingId));
        Recording storage recording = _existing(recordingId);
        require(
            recording.registeredBlock < batch.anchoredBlock,
            BatchTooEarly(root, batch.anchoredBlock, recording.registeredBlock)
        );
        require(recording.separationRoot == 0, AlreadySeparated(recordingId));
        require(separation.version == 0, WrongVersion(separation.version, 0));
        bytes32 leaf = batchLeaf(recordingId, separation);
        require(StemTree.climb(leaf, proof) == root, NotInBatch(root, leaf));

        emit BatchLeafMaterialized(root, recordingId);
        _separate(recordingId, stems, separation, batch.attestor);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IStemRegistry
    function exists(uint224 work) public view override returns (bool) {
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
    function versionOf(uint224 work) external view returns (uint32) {
        return _existing(work).version;
    }

    /// @inheritdoc IStemRegistry
    function separationRootOf(uint224 work) external view returns (bytes32) {
        return _existing(work).separationRoot;
    }

    /// @inheritdoc IStemRegistry
    function isCommitted(uint224 stemId, Stem calldata stem, bytes32[] calldata proof) external view returns (bool) {
        return StemTree.climb(StemTree.leaf(stemId, stem), proof) == _existing(stemId).separationRoot;
    }

    /// @inheritdoc IStemRegistry
    function batchOf(bytes32 root) external view returns (Batch memory) {
        return _batches[root];
    }

    // ------------------------------------------------------------------ names and digests

    /// @inheritdoc IStemRegistry
    function commitmentOf(address creator, bytes32 contentHash, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(creator, contentHash, salt));
    }

    /// @inheritdoc IStemRegistry
    function batchLeaf(uint224 recordingId, Separation calldata separation) public pure returns (bytes32) {
        return StemTree.batchLeaf(recordingId, separation);
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

    /// @inheritdoc IStemRegistry
    function originDigest(address creator, bytes32 contentHash, uint64 deadline) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.origin(creator, contentHash, deadline));
    }

    /// @inheritdoc IStemRegistry
    function versionDigest(uint224 recordingId, Separation calldata separation) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.version(recordingId, separation));
    }

    // ------------------------------------------------------------------ registering

    function _newRecording(bytes32 contentHash) private view returns (uint224 recordingId) {
        recordingId = WorkId.ofRecording(contentHash);
        require(!exists(recordingId), RecordingExists(recordingId));
    }

    function _register(
        uint224 recordingId,
        Registration calldata registration,
        bytes calldata creatorSignature,
        uint256[][] calldata tables,
        address attestor
    ) private {
        _checkTerms(registration);
        _checkCreator(registration, creatorSignature);

        emit RecordingRegistered({
            recordingId: recordingId,
            creator: registration.creator,
            attestor: attestor,
            contentHash: registration.contentHash,
            creditsDigest: registration.creditsDigest,
            creditsCodec: registration.creditsCodec,
            resaleRoyaltyPpm: registration.resaleRoyaltyPpm
        });
        // Before the recording exists, so that nothing can descend from itself.
        _fixAncestry(recordingId, registration.creator, registration.parents, tables);
        Recording storage recording = _recordings[recordingId];
        recording.creator = registration.creator;
        recording.resaleRoyaltyPpm = uint24(registration.resaleRoyaltyPpm);
        recording.registeredBlock = uint40(block.number);
        if (registration.split.length != 0) splitter.fixSplit(recordingId, registration.split);
    }

    function _checkTerms(Registration calldata registration) private pure {
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

    // ------------------------------------------------------------------ separating

    function _separate(
        uint224 recordingId,
        Stem[6] calldata stems,
        Separation calldata separation,
        address attestor
    ) private {
        _checkStems(recordingId, stems, separation);
        _recordings[recordingId].separationRoot =
            StemTree.separationRoot(recordingId, separation.stemsRoot, separation.metadataDigest);
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
        uint32 version = separation.version;
        for (uint8 kind = 1; kind <= WorkId.LAST_KIND; ++kind) {
            Stem calldata stem = stems[kind - 1];
            emit StemCommitted({
                stemId: WorkId.ofStem(recordingId, kind),
                version: version,
                sha256Digest: stem.sha256Digest,
                cidDigest: stem.cidDigest,
                cidCodec: stem.cidCodec
            });
        }
    }

    /// @dev The tree of six leaves, written out: an array of them would cost more than the hashing.
    function _checkStems(uint224 recordingId, Stem[6] calldata stems, Separation calldata separation) private pure {
        require(Cid.isCodec(separation.manifestCodec), UnknownCodec(separation.manifestCodec));
        bytes32 first = StemTree.node(_checkedLeaf(recordingId | 1, stems[0]), _checkedLeaf(recordingId | 2, stems[1]));
        bytes32 second = StemTree.node(_checkedLeaf(recordingId | 3, stems[2]), _checkedLeaf(recordingId | 4, stems[3]));
        bytes32 third = StemTree.node(_checkedLeaf(recordingId | 5, stems[4]), _checkedLeaf(recordingId | 6, stems[5]));
        bytes32 root = StemTree.node(StemTree.node(first, second), third);
        require(root == separation.stemsRoot, StemsRootMismatch(separation.stemsRoot, root));
    }

    function _checkedLeaf(uint224 stemId, Stem calldata stem) private pure returns (bytes32) {
        require(Cid.isCodec(stem.cidCodec), UnknownCodec(stem.cidCodec));
        return StemTree.leaf(stemId, stem);
    }

    function _checkHolder(uint224 recordingId, Separation calldata separation, bytes calldata signature) private view {
        address holder = titles.rightsHolder(recordingId);
        if (msg.sender == holder) return;
        bytes32 digest = versionDigest(recordingId, separation);
        require(Signatures.isValid(holder, digest, signature), InvalidHolderSignature(holder, digest));
    }

    function _attestorOf(bytes32 digest, uint64 deadline, bytes calldata signature)
        private
        view
        returns (address attestor)
    {
        require(block.timestamp <= deadline, DeadlinePassed(deadline, block.timestamp));
        attestor = Signatures.recover(digest, signature);
        if (attestor != address(0) && roles.isAttestor(attestor)) return attestor;
        require(signature.length > 20, InvalidAttestation(digest));
        attestor = address(bytes20(signature[:20]));
        require(
            roles.isAttestor(attestor) && Signatures.isValid(attestor, digest, signature[20:]),
            InvalidAttestation(digest)
        );
    }

    // ------------------------------------------------------------------ internal

    function _existing(uint224 work) private view returns (Recording storage) {
        require(exists(work), UnknownWork(work));
        return _recordings[WorkId.recordingOf(work)];
    }
}
