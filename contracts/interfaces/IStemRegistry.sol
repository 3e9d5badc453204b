// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Provenance and ancestry: who made which recording from what, and the six stems it was separated into.
/// @notice Signed messages are EIP-712 typed data of the domain {name "StemRegistry", version "1", chainId, contract}.
interface IStemRegistry {
    /// @notice A collaborator's slot in a recording's income.
    /// @param ppm Parts per million, above zero.
    struct Share {
        address account;
        uint32 ppm;
    }

    /// @notice A parent of a remix (a recording or a stem) and the REMIX license of it which the remix consumes.
    struct Parent {
        uint224 work;
        uint256 license;
    }

    /// @notice What a creator signs.
    /// @param contentHash SHA-256 of the uploaded file's bytes.
    /// @param creditsDigest Digest of the credits document's CID, `creditsCodec` its codec.
    /// @param resaleRoyaltyPpm ERC-2981 royalty of the titles, at most 100 000.
    /// @param split At most 16 slots which sum to at most 1 000 000; the title keeps the rest.
    /// @param parents None for a track; for a remix 1 to 16, strictly ascending by work.
    /// @param deadline Last second, Unix time, at which the registration may be sent.
    struct Registration {
        address creator;
        bytes32 contentHash;
        bytes32 creditsDigest;
        uint8 creditsCodec;
        uint32 resaleRoyaltyPpm;
        Share[] split;
        Parent[] parents;
        uint64 deadline;
    }

    /// @notice One separated stem: SHA-256 of its file, and its CID as digest and codec.
    struct Stem {
        bytes32 sha256Digest;
        bytes32 cidDigest;
        uint8 cidCodec;
    }

    /// @notice The result of one separation, which an attestor signs together with creator, contentHash and a deadline.
    /// @param stemsRoot Merkle root of the six stems in the order of their kinds, see StemTree.
    /// @param model Hash of the model version's name.
    /// @param metadataDigest Digest of the dag-pb CID of the metadata directory (0.json to 6.json).
    struct Separation {
        uint32 version;
        bytes32 stemsRoot;
        bytes32 model;
        bytes32 weightsHash;
        bytes32 manifestDigest;
        uint8 manifestCodec;
        bytes32 metadataDigest;
    }

    /// @notice What the chain keeps of a recording, in two words.
    /// @param version Of the newest separation; 0 also while there is none.
    /// @param registeredBlock A batch counts for recordings of earlier blocks.
    /// @param separationRoot `node(stemsRoot, metadata leaf)`, see StemTree; zero while there is no separation on chain.
    struct Recording {
        address creator;
        uint32 version;
        uint24 resaleRoyaltyPpm;
        uint40 registeredBlock;
        bytes32 separationRoot;
    }

    /// @notice What the chain keeps of a royalty table; all zero for a track.
    /// @param root Merkle root over the entries, ascending by work, see RoyaltyTable.
    /// @param stackPpm Sum of all entries' ppm, at most 800 000.
    /// @param ancestorCount Number of entries, at most 128.
    struct Table {
        bytes32 root;
        uint32 stackPpm;
        uint8 ancestorCount;
    }

    /// @notice A root over separations of many recordings.
    struct Batch {
        address attestor;
        uint40 anchoredBlock;
        uint32 count;
    }

    /// @param attestor Zero when the creator came by a commitment.
    event RecordingRegistered(
        uint224 indexed recordingId,
        address indexed creator,
        address indexed attestor,
        bytes32 contentHash,
        bytes32 creditsDigest,
        uint8 creditsCodec,
        uint32 resaleRoyaltyPpm
    );
    /// @notice One parent of a remix. Its own share is `ppm`, from the license.
    event ParentFixed(uint224 indexed recordingId, uint224 indexed parentId, uint256 indexed licenseId, uint32 ppm);
    /// @notice One entry of a remix' royalty table.
    event RoyaltyEntry(uint224 indexed recordingId, uint224 indexed ancestorId, uint32 ppm);
    event RoyaltyTableFixed(uint224 indexed recordingId, bytes32 root, uint32 stackPpm, uint8 ancestorCount);
    event SeparationCommitted(
        uint224 indexed recordingId,
        address indexed attestor,
        uint32 version,
        bytes32 stemsRoot,
        bytes32 model,
        bytes32 weightsHash,
        bytes32 manifestDigest,
        uint8 manifestCodec,
        bytes32 metadataDigest
    );
    event StemCommitted(
        uint224 indexed stemId, uint32 version, bytes32 sha256Digest, bytes32 cidDigest, uint8 cidCodec
    );
    event CommitmentMade(bytes32 indexed commitment);
    /// @param manifestDigest Digest of the CID of the document that lists the leaves.
    event BatchAnchored(
        bytes32 indexed root, address indexed attestor, uint32 count, bytes32 manifestDigest, uint8 manifestCodec
    );
    /// @notice A leaf of a batch became the recording's version 0 on chain; SeparationCommitted follows.
    event BatchLeafMaterialized(bytes32 indexed root, uint224 indexed recordingId);

    error RecordingExists(uint224 recordingId);
    error UnknownWork(uint256 work);
    error DeadlinePassed(uint64 deadline, uint256 time);
    error InvalidCreatorSignature(address creator, bytes32 digest);
    error InvalidHolderSignature(address holder, bytes32 digest);
    error InvalidAttestation(bytes32 digest);
    error UnknownCommitment(bytes32 commitment);
    error CommitmentTooYoung(bytes32 commitment, uint256 madeInBlock);
    error StemsRootMismatch(bytes32 attested, bytes32 computed);
    error WrongVersion(uint32 given, uint32 expected);
    error UnknownCodec(uint8 codec);
    error ResaleRoyaltyTooHigh(uint32 ppm, uint32 cap);
    error TooManySlots(uint256 count, uint256 cap);
    error EmptySlot(uint256 slot);
    error SplitTooHigh(uint256 sum, uint256 cap);
    error TooManyParents(uint256 count, uint256 cap);
    error ParentsNotAscending(uint256 index);
    error WrongPpmCount(uint256 given, uint256 expected);
    error WrongTableCount(uint256 given, uint256 expected);
    error TableMismatch(uint224 recordingId, bytes32 expected, bytes32 computed);
    error EntriesNotAscending(uint224 recordingId, uint256 index);
    error TooManyAncestors(uint256 count, uint256 cap);
    error StackTooHigh(uint256 stackPpm, uint256 cap);
    error NotAttestor(address account);
    error EmptyBatch();
    error BatchExists(bytes32 root);
    error UnknownBatch(bytes32 root);
    error BatchTooEarly(bytes32 root, uint256 anchoredBlock, uint256 registeredBlock);
    error NotInBatch(bytes32 root, bytes32 leaf);
    error AlreadySeparated(uint224 recordingId);
    error ZeroAddress();

    // ---------------------------------------------------------------- registration

    /// @notice Makes a commitment known (`commitmentOf`). The first block in which it was made counts; making it again
    /// changes nothing. Anybody may: it names its creator.
    function commit(bytes32 commitment) external;

    /// @notice Registers by a commitment that is at least one block old: no attestor is asked.
    /// @param creatorSignature ECDSA or ERC-1271 over `registrationDigest`; not looked at when the creator sends.
    /// @param tables The royalty tables of the parents' distinct recordings, in the order of the parents; entries are
    /// work << 32 | ppm; empty for a track's.
    function registerCommitted(
        Registration calldata registration,
        bytes calldata creatorSignature,
        uint256[][] calldata tables,
        bytes32 salt
    ) external returns (uint224 recordingId);

    /// @notice Registers by an attestor's word that the creator brought this content (`originDigest`).
    function registerAttested(
        Registration calldata registration,
        bytes calldata creatorSignature,
        uint256[][] calldata tables,
        uint64 attestationDeadline,
        bytes calldata attestorSignature
    ) external returns (uint224 recordingId);

    /// @notice Registers a recording and commits its first separation. Anyone may send it: creator and attestor have
    /// signed everything it says, and the attestation names the creator, so a copied transaction gives nothing away.
    /// @param stems Vocals, drums, bass, guitar, piano, other.
    /// @param attestorSignature Over `attestationDigest`: 65 bytes of ECDSA, or, from an attestor that is a contract,
    /// its address (20 bytes) followed by what its ERC-1271 accepts.
    function registerAndCommit(
        Registration calldata registration,
        bytes calldata creatorSignature,
        uint256[][] calldata tables,
        Stem[6] calldata stems,
        Separation calldata separation,
        uint64 attestationDeadline,
        bytes calldata attestorSignature
    ) external returns (uint224 recordingId);

    // ---------------------------------------------------------------- separations

    /// @notice Commits a separation of a registered recording: version 0 by the attestation alone; a later one, which must
    /// be the next, also needs the rights holder (sender, or signature over `versionDigest`).
    function commitSeparation(
        bytes32 contentHash,
        Stem[6] calldata stems,
        Separation calldata separation,
        uint64 attestationDeadline,
        bytes calldata attestorSignature,
        bytes calldata holderSignature
    ) external;

    /// @notice Anchors separations (version 0) of many recordings at once. Attestors only.
    /// @param root Merkle root over `batchLeaf`s, see StemTree.
    /// @param manifestDigest Digest of the CID of the document that lists the leaves, `manifestCodec` its codec.
    function anchorBatch(bytes32 root, uint32 count, bytes32 manifestDigest, uint8 manifestCodec) external;

    /// @notice Writes a batch's leaf into the recording's storage, as its version 0: what minting a title or committing a
    /// later version needs. The recording must be registered in an earlier block than the batch, and not separated yet.
    function materialize(
        bytes32 root,
        uint224 recordingId,
        Stem[6] calldata stems,
        Separation calldata separation,
        bytes32[] calldata proof
    ) external;

    // ---------------------------------------------------------------- views

    /// @return Whether `work` is a registered recording or one of its six stems.
    function exists(uint224 work) external view returns (bool);

    /// @dev The views below revert with UnknownWork for a work that does not exist.
    function recordingOf(uint224 work) external view returns (Recording memory);

    function creatorOf(uint224 work) external view returns (address);

    /// @return The version of the newest separation; 0 also while there is none.
    function versionOf(uint224 work) external view returns (uint32);

    function separationRootOf(uint224 work) external view returns (bytes32);

    /// @return The royalty table of the work's recording.
    function tableOf(uint224 work) external view returns (Table memory);

    /// @return stackPpm What a payment to `work` owes to all ancestors together.
    function stackOf(uint224 work) external view returns (uint32 stackPpm);

    /// @return Whether (ancestor, ppm) is an entry of the royalty table of `work`. Proof: siblings, lowest first.
    function isEntry(uint224 work, uint224 ancestor, uint32 ppm, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice The table that a remix of these parents would get; reverts as its registration would.
    /// @param works Strictly ascending. @param ppms Their licenses' remixPpm. @param tables As in registration.
    /// @return entries work << 32 | ppm, ascending.
    function previewTable(uint224[] calldata works, uint32[] calldata ppms, uint256[][] calldata tables)
        external
        view
        returns (uint256[] memory entries, Table memory table);

    /// @return Whether `stem` is what was committed as `stemId`. Proof: siblings, lowest first, ending with the leaf of the
    /// metadata directory.
    function isCommitted(uint224 stemId, Stem calldata stem, bytes32[] calldata proof) external view returns (bool);

    function commitmentBlockOf(bytes32 commitment) external view returns (uint256);

    function batchOf(bytes32 root) external view returns (Batch memory);

    function commitmentOf(address creator, bytes32 contentHash, bytes32 salt) external pure returns (bytes32);

    function batchLeaf(uint224 recordingId, Separation calldata separation) external pure returns (bytes32);

    function registrationDigest(Registration calldata registration) external view returns (bytes32);

    function attestationDigest(address creator, bytes32 contentHash, Separation calldata separation, uint64 deadline)
        external
        view
        returns (bytes32);

    /// @return What an attestor signs for `registerAttested`.
    function originDigest(address creator, bytes32 contentHash, uint64 deadline) external view returns (bytes32);

    /// @return What a rights holder signs for a later version: recording, version, stems' root and manifest.
    function versionDigest(uint224 recordingId, Separation calldata separation) external view returns (bytes32);
}
