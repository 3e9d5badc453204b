// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Utils} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Utils.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IIPNFT} from "./interfaces/IIPNFT.sol";
import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {Cid} from "./libraries/Cid.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {StemTree} from "./libraries/StemTree.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {WorkId} from "./libraries/WorkId.sol";

/// @title Titles of works, see IIPNFT.
contract IPNFT is IIPNFT, ERC721, EIP712 {
    /// @param version Of the separation that the title shows.
    /// @param transfers How often the title changed hands.
    /// @param mintedStems Kept with the recording only, whether it has a title or not: bit k for the stem of kind k.
    /// @param metadataDigest Of the metadata directory of that version.
    struct Title {
        uint32 version;
        uint32 transfers;
        uint8 mintedStems;
        bytes32 metadataDigest;
    }

    uint256 private constant WHOLE_PPM = 1_000_000;
    uint8 private constant ALL_WORKS = 0x7f;
    bytes4 private constant ERC4906_INTERFACE = 0x49064906;

    IStemRegistry public immutable registry;

    mapping(uint224 work => Title) private _titles;
    mapping(address account => address) private _payouts;

    constructor(IStemRegistry registry_) ERC721("Stemma Titles", "STEMMA") EIP712("IPNFT", "1") {
        registry = registry_;
    }

    // ------------------------------------------------------------------ writes

    /// @inheritdoc IIPNFT
    function mint(uint224 work, address to, bytes32 stemsRoot, bytes32 metadataDigest) external {
        require(_ownerOf(work) == address(0), TitleExists(work));
        address holder = rightsHolder(work);
        require(msg.sender == holder, NotRightsHolder(work, msg.sender, holder));

        uint32 version = _checkedVersion(work, stemsRoot, metadataDigest);
        Title storage title = _titles[work];
        title.version = version;
        title.metadataDigest = metadataDigest;
        uint8 kind = WorkId.kindOf(work);
        if (kind != 0) _titles[WorkId.recordingOf(work)].mintedStems |= _bit(kind);
        else if (to != holder) title.transfers = 1;

        _mint(to, work);
        emit TitleMinted(work, to, msg.sender, version, metadataDigest);
        // Last, because a receiving contract may call back.
        ERC721Utils.checkOnERC721Received(msg.sender, address(0), to, work, "");
    }

    /// @inheritdoc IIPNFT
    function adopt(uint224 work, bytes32 stemsRoot, bytes32 metadataDigest, bytes calldata holderSignature) external {
        address holder = _ownerOf(work);
        require(holder != address(0), NoTitle(work));
        uint32 version = _checkedVersion(work, stemsRoot, metadataDigest);
        Title storage title = _titles[work];
        if (title.version == version) return;
        if (WorkId.kindOf(work) != 0 && msg.sender != holder) {
            bytes32 digest = adoptionDigest(work, version, metadataDigest);
            require(Signatures.isValid(holder, digest, holderSignature), InvalidHolderSignature(holder, digest));
        }

        title.version = version;
        title.metadataDigest = metadataDigest;
        emit VersionAdopted(work, holder, version, metadataDigest);
        emit MetadataUpdate(work);
    }

    /// @inheritdoc IIPNFT
    function setPayout(address payout) external {
        require(payout != address(0), ZeroPayout());
        _payouts[msg.sender] = payout;
        emit PayoutSet(msg.sender, payout);
    }

    // ------------------------------------------------------------------ rights

    /// @inheritdoc IIPNFT
    function rightsHolder(uint224 work) public view returns (address holder) {
        require(WorkId.kindOf(work) <= WorkId.LAST_KIND, IStemRegistry.UnknownWork(work));
        holder = _ownerOf(work);
        if (holder == address(0)) holder = _ownerOf(WorkId.recordingOf(work));
        if (holder == address(0)) holder = registry.creatorOf(work);
    }

    /// @inheritdoc IIPNFT
    function titleEpoch(uint224 work) public view returns (uint256) {
        uint224 recordingId = WorkId.recordingOf(work);
        Title storage governing = _titles[recordingId];
        uint224 governingWork = recordingId;
        if (work != recordingId && governing.mintedStems & _bit(WorkId.kindOf(work)) != 0) {
            governing = _titles[work];
            governingWork = work;
        }
        return (uint256(governingWork) << 32) | governing.transfers;
    }

    /// @inheritdoc IIPNFT
    function mintedStems(uint224 work) public view returns (uint8) {
        return _titles[WorkId.recordingOf(work)].mintedStems;
    }

    /// @inheritdoc IIPNFT
    function coverageOf(uint224 work) public view returns (uint8) {
        uint8 kind = WorkId.kindOf(work);
        return kind == 0 ? ALL_WORKS & ~mintedStems(work) : _bit(kind);
    }

    /// @inheritdoc IIPNFT
    function versionOf(uint224 work) public view returns (uint32) {
        uint8 kind = WorkId.kindOf(work);
        if (kind != 0 && mintedStems(work) & _bit(kind) != 0) return _titles[work].version;
        return registry.versionOf(work);
    }

    /// @inheritdoc IIPNFT
    function standingOf(uint224 work) external view returns (Standing memory) {
        return Standing({
            rightsHolder: rightsHolder(work),
            titleEpoch: titleEpoch(work),
            coverage: coverageOf(work),
            version: versionOf(work)
        });
    }

    // ------------------------------------------------------------------ money

    /// @inheritdoc IIPNFT
    function payoutOf(address creator) public view returns (address) {
        address payout = _payouts[creator];
        return payout == address(0) ? creator : payout;
    }

    /// @inheritdoc IIPNFT
    function presetPayoutOf(address account) external view returns (address) {
        return _payouts[account];
    }

    /// @inheritdoc IERC2981
    function royaltyInfo(uint256 tokenId, uint256 salePrice) external view returns (address receiver, uint256 amount) {
        IStemRegistry.Recording memory recording = registry.recordingOf(_toWork(tokenId));
        receiver = payoutOf(recording.creator);
        amount = Math.mulDiv(salePrice, recording.resaleRoyaltyPpm, WHOLE_PPM);
    }

    // ------------------------------------------------------------------ metadata

    /// @notice The URI of a title's metadata, ERC-721: a file of the directory of the version that the title shows.
    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        uint224 work = uint224(tokenId);
        string memory directory = Cid.toBase32(_titles[work].metadataDigest, Cid.DAG_PB);
        return string.concat("ipfs://", directory, "/", Strings.toString(WorkId.kindOf(work)), ".json");
    }

    /// @inheritdoc IIPNFT
    function contractURI() external pure returns (string memory) {
        return "data:application/json;utf8,{\"name\":\"Stemma Titles\",\"symbol\":\"STEMMA\","
            "\"description\":\"Titles of recordings and of the stems they were separated into.\"}";
    }

    /// @inheritdoc IIPNFT
    function adoptionDigest(uint224 work, uint32 version, bytes32 metadataDigest) public view returns (bytes32) {
        return _hashTypedDataV4(TypedData.adoption(work, version, metadataDigest));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, IERC165) returns (bool) {
        return interfaceId == type(IERC2981).interfaceId || interfaceId == ERC4906_INTERFACE
            || super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------ internal

    /// @return version The current one, when the two digests make up what the registry keeps of it.
    function _checkedVersion(uint224 work, bytes32 stemsRoot, bytes32 metadataDigest)
        private
        view
        returns (uint32 version)
    {
        IStemRegistry.Recording memory recording = registry.recordingOf(work);
        require(recording.separationRoot != 0, NotSeparated(work));
        bytes32 computed = StemTree.separationRoot(WorkId.recordingOf(work), stemsRoot, metadataDigest);
        require(
            computed == recording.separationRoot, MetadataMismatch(work, recording.separationRoot, computed)
        );
        return recording.version;
    }

    /// @dev Every transfer of a title counts, also one to the same account; the mint is counted by `mint`.
    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        from = super._update(to, tokenId, auth);
        if (from != address(0)) ++_titles[uint224(tokenId)].transfers;
    }

    /// @dev Zero for what is no kind, so that no work outside a recording is ever taken for one of its stems.
    function _bit(uint8 kind) private pure returns (uint8) {
        return kind > WorkId.LAST_KIND ? 0 : uint8(1 << kind);
    }

    function _toWork(uint256 tokenId) private pure returns (uint224) {
        require(tokenId <= type(uint224).max, IStemRegistry.UnknownWork(tokenId));
        return uint224(tokenId);
    }
}
