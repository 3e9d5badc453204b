// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";

import {IStemRegistry} from "./IStemRegistry.sol";

/// @title Titles of works: ERC-721 tokens whose id is the work's, minted by the rights holder and never burned.
interface IIPNFT is IERC721, IERC2981 {
    event TitleMinted(uint224 indexed workId, address indexed holder, address indexed minter);
    event PayoutSet(address indexed creator, address payout);

    error TitleExists(uint224 work);
    error NotRightsHolder(uint224 work, address caller, address rightsHolder);
    error ZeroPayout();

    /// @notice Mints the title of a work that has none. Only its current rights holder may.
    /// @param to The first holder; a contract must accept ERC-721 tokens.
    function mint(uint224 work, address to) external;

    /// @notice Sets where resale royalties of all the caller's recordings go.
    function setPayout(address payout) external;

    /// @return Where a creator's resale royalties go: the creator itself until it chose otherwise.
    function payoutOf(address creator) external view returns (address);

    /// @return Of a recording its title's holder, or its creator while it has no title; of a stem its title's holder,
    /// or else the rights holder of the recording.
    function rightsHolder(uint224 work) external view returns (address);

    /// @return `ipfs://` + the metadata directory's CID + `/<kind>.json`, also for a work without title.
    function metadataURI(uint224 work) external view returns (string memory);

    /// @return Metadata of the collection, ERC-7572.
    function contractURI() external view returns (string memory);

    function registry() external view returns (IStemRegistry);
}
