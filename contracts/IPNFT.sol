// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Utils} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Utils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IIPNFT} from "./interfaces/IIPNFT.sol";
import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {Cid} from "./libraries/Cid.sol";
import {WorkId} from "./libraries/WorkId.sol";

/// @title Titles of works, see IIPNFT.
contract IPNFT is IIPNFT, ERC721 {
    uint256 private constant WHOLE_PPM = 1_000_000;

    IStemRegistry public immutable registry;

    mapping(address creator => address) private _payouts;

    constructor(IStemRegistry registry_) ERC721("Stemma Titles", "STEMMA") {
        registry = registry_;
    }

    // ------------------------------------------------------------------ writes

    /// @inheritdoc IIPNFT
    function mint(uint224 work, address to) external {
        require(_ownerOf(work) == address(0), TitleExists(work));
        address holder = rightsHolder(work);
        require(msg.sender == holder, NotRightsHolder(work, msg.sender, holder));
        _mint(to, work);
        emit TitleMinted(work, to, msg.sender);
        // Last, because a receiving contract may call back.
        ERC721Utils.checkOnERC721Received(msg.sender, address(0), to, work, "");
    }

    /// @inheritdoc IIPNFT
    function setPayout(address payout) external {
        require(payout != address(0), ZeroPayout());
        _payouts[msg.sender] = payout;
        emit PayoutSet(msg.sender, payout);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IIPNFT
    function payoutOf(address creator) public view returns (address) {
        address payout = _payouts[creator];
        return payout == address(0) ? creator : payout;
    }

    /// @inheritdoc IIPNFT
    function rightsHolder(uint224 work) public view returns (address) {
        address creator = registry.creatorOf(work);
        address holder = _ownerOf(work);
        if (holder == address(0)) holder = _ownerOf(WorkId.recordingOf(work));
        return holder == address(0) ? creator : holder;
    }

    /// @inheritdoc IERC2981
    function royaltyInfo(uint256 tokenId, uint256 salePrice) external view returns (address receiver, uint256 amount) {
        IStemRegistry.Recording memory recording = registry.recordingOf(_toWork(tokenId));
        receiver = payoutOf(recording.creator);
        amount = Math.mulDiv(salePrice, recording.resaleRoyaltyPpm, WHOLE_PPM);
    }

    /// @notice The URI of a minted title's metadata, ERC-721.
    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        return metadataURI(_toWork(tokenId));
    }

    /// @inheritdoc IIPNFT
    function metadataURI(uint224 work) public view returns (string memory) {
        string memory directory = Cid.toBase32(registry.recordingOf(work).metadataDigest, Cid.DAG_PB);
        return string.concat("ipfs://", directory, "/", Strings.toString(WorkId.kindOf(work)), ".json");
    }

    /// @inheritdoc IIPNFT
    function contractURI() external pure returns (string memory) {
        return "data:application/json;utf8,{\"name\":\"Stemma Titles\",\"symbol\":\"STEMMA\","
            "\"description\":\"Titles of recordings and of the stems they were separated into.\"}";
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, IERC165) returns (bool) {
        return interfaceId == type(IERC2981).interfaceId || super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------ internal

    function _toWork(uint256 tokenId) private pure returns (uint224) {
        require(tokenId <= type(uint224).max, IStemRegistry.UnknownWork(tokenId));
        return uint224(tokenId);
    }
}
