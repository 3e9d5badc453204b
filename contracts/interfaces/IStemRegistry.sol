// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Provenance of recordings and their stems.
/// @notice Signed messages are EIP-712 typed data of the domain {name "StemRegistry", version "1", chainId, contract}.
interface IStemRegistry {
    /// @notice A collaborator's slot in a recording's income.
    /// @param ppm Parts per million, above zero.
    struct Share {
        address account;
        uint32 ppm;
    }

    /// @notice A parent of a remix and the license which the remix consumes.
    struct Parent {
        uint224 work;
        uint256 license;
    }

    /// @notice What a creator signs.
    /// @param contentHash SHA-256 of the uploaded file's bytes.
    /// @param creditsDigest Digest of the credits document's CID, `creditsCodec` its codec.
    /// @param resaleRoyaltyPpm ERC-2981 royalty of the titles, at most 100 000.
    /// @param split At most 16 slots which sum to at most 1 000 000; the title keeps the rest.
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

    /// @notice What the chain keeps of a recording.
    struct Recording {
        address creator;
        uint32 version;
        uint32 resaleRoyaltyPpm;
        bytes32 stemsRoot;
        bytes32 metadataDigest;
    }

    event RecordingRegistered(
        uint224 indexed recordingId,
        address indexed creator,
        address indexed attestor,
        bytes32 contentHash,
        bytes32 creditsDigest,
        uint8 creditsCodec,
        uint32 resaleRoyaltyPpm
    );
    event SlotFixed(uint224 indexed recordingId, address indexed account, uint8 slot, uint32 ppm);
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
    event AttestorGranted(address indexed attestor);
    event AttestorRevoked(address indexed attestor);

    error RecordingExists(uint224 recordingId);
    error UnknownWork(uint256 work);
    error DeadlinePassed(uint64 deadline, uint256 time);
    error InvalidCreatorSignature(address creator, bytes32 digest);
    error InvalidAttestation(bytes32 digest);
    error StemsRootMismatch(bytes32 attested, bytes32 computed);
    error WrongVersion(uint32 given, uint32 expected);
    error UnknownCodec(uint8 codec);
    error ResaleRoyaltyTooHigh(uint32 ppm, uint32 cap);
    error TooManySlots(uint256 count, uint256 cap);
    error EmptySlot(uint256 slot);
    error SplitTooHigh(uint256 sum, uint256 cap);
    error ParentsNotSupported(uint256 count);
    error NotAdmin(address caller);
    error AlreadyAttestor(address account);
    error NotAttestor(address account);
    error ZeroAddress();

    /// @notice Registers a recording and commits its first separation. Anyone may send it: creator and attestor have
    /// signed everything it says, and the attestation names the creator, so a copied transaction gives nothing away.
    /// @param creatorSignature ECDSA or ERC-1271 over `registrationDigest`; not looked at when the creator sends.
    /// @param stems Vocals, drums, bass, guitar, piano, other.
    /// @param attestorSignature Over `attestationDigest`: 65 bytes of ECDSA, or, from an attestor that is a contract,
    /// its address (20 bytes) followed by what its ERC-1271 accepts.
    function registerAndCommit(
        Registration calldata registration,
        bytes calldata creatorSignature,
        Stem[6] calldata stems,
        Separation calldata separation,
        uint64 attestationDeadline,
        bytes calldata attestorSignature
    ) external returns (uint224 recordingId);

    /// @notice Lets an account attest separations.
    function grantAttestor(address account) external;

    /// @notice Ends an account's right to attest, at once. What it attested stays, and stays identifiable.
    function revokeAttestor(address account) external;

    function admin() external view returns (address);

    function isAttestor(address account) external view returns (bool);

    /// @return Whether `work` is a registered recording or one of its six stems.
    function exists(uint224 work) external view returns (bool);

    /// @dev The views below revert with UnknownWork for a work that does not exist.
    function recordingOf(uint224 work) external view returns (Recording memory);

    function creatorOf(uint224 work) external view returns (address);

    function stemsRootOf(uint224 work) external view returns (bytes32);

    /// @return Whether `stem` is what was committed as `stemId`. Proof: siblings, lowest first.
    function isCommitted(uint224 stemId, Stem calldata stem, bytes32[] calldata proof) external view returns (bool);

    function registrationDigest(Registration calldata registration) external view returns (bytes32);

    function attestationDigest(address creator, bytes32 contentHash, Separation calldata separation, uint64 deadline)
        external
        view
        returns (bytes32);
}
