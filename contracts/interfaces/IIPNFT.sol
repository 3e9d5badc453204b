// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";

import {IStemRegistry} from "./IStemRegistry.sol";

/// @title Titles of works: ERC-721 tokens whose id is the work's, minted by the rights holder and never burned.
/// @notice Metadata changes are announced as ERC-4906 asks; the collection's metadata is ERC-7572's.
interface IIPNFT is IERC4906, IERC2981 {
    /// @notice What a sale must know of a work: the answers of the views of these names.
    struct Standing {
        address rightsHolder;
        uint256 titleEpoch;
        uint8 coverage;
        uint32 version;
    }

    /// @param version The separation's version that the title shows, see `adopt`.
    /// @param metadataDigest Digest of the dag-pb CID of that version's metadata directory.
    event TitleMinted(
        uint224 indexed workId,
        address indexed holder,
        address indexed minter,
        uint32 version,
        bytes32 metadataDigest
    );
    event VersionAdopted(uint224 indexed workId, address indexed holder, uint32 version, bytes32 metadataDigest);
    event PayoutSet(address indexed account, address payout);

    error TitleExists(uint224 work);
    error NoTitle(uint224 work);
    error NotRightsHolder(uint224 work, address caller, address rightsHolder);
    error NotSeparated(uint224 work);
    error MetadataMismatch(uint224 work, bytes32 separationRoot, bytes32 computed);
    error InvalidHolderSignature(address holder, bytes32 digest);
    error ZeroPayout();

    /// @notice Mints the title of a work that has none. Only its current rights holder may.
    /// @param to The first holder; a contract must accept ERC-721 tokens.
    /// @param stemsRoot Of the current separation; with `metadataDigest` it makes up the root that the registry keeps.
    function mint(uint224 work, address to, bytes32 stemsRoot, bytes32 metadataDigest) external;

    /// @notice Moves a title to the current version of the separation. A recording's title follows by anyone's call, since
    /// its holder has signed the version; a stem's keeps its version until its own holder calls this or signs
    /// `adoptionDigest` (ECDSA or ERC-1271).
    function adopt(uint224 work, bytes32 stemsRoot, bytes32 metadataDigest, bytes calldata holderSignature) external;

    /// @notice Sets where the caller's resale royalties go, and where anyone may send what its slots may draw.
    function setPayout(address payout) external;

    /// @return Where a creator's resale royalties go: the creator itself until it chose otherwise.
    function payoutOf(address creator) external view returns (address);

    /// @return The payout address that an account has set; zero if none.
    function presetPayoutOf(address account) external view returns (address);

    /// @return Of a recording its title's holder, or its creator while it has no title; of a stem its title's holder,
    /// or else the rights holder of the recording.
    function rightsHolder(uint224 work) external view returns (address);

    /// @notice What an attachment or an offer is bound to: the governing title (of a stem without title the recording's)
    /// and how often it changed hands. A recording's mint to its creator is no change of hands, to another account it is.
    /// @return The governing title's work id in the high 224 bits, the count in the low 32.
    function titleEpoch(uint224 work) external view returns (uint256);

    /// @return Bit k is set when the stem of kind k (1 to 6) of the work's recording has a title.
    function mintedStems(uint224 work) external view returns (uint8);

    /// @return What a license of `work` covers if granted now: bit k for kind k; for a recording bit 0 and the stems
    /// without title, for a stem its own bit.
    function coverageOf(uint224 work) external view returns (uint8);

    /// @return The version of the separation that counts for the work: a titled stem's own, else the registry's.
    function versionOf(uint224 work) external view returns (uint32);

    /// @return All of it at once, for whoever sells: rightsHolder, titleEpoch, coverageOf and versionOf.
    function standingOf(uint224 work) external view returns (Standing memory);

    /// @return Metadata of the collection, ERC-7572.
    function contractURI() external view returns (string memory);

    /// @return What a stem's holder signs to adopt a version (EIP-712 domain {name "IPNFT", version "1", …}).
    function adoptionDigest(uint224 work, uint32 version, bytes32 metadataDigest) external view returns (bytes32);

    function registry() external view returns (IStemRegistry);
}
