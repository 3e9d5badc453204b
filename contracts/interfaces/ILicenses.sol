// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";

/// @title The licenses: an ERC-721 of grants, each a snapshot that nothing later can change.
/// @notice A license's id is derived from its purchase and never from a counter, so that no reorg can renumber it.
interface ILicenses is IERC721 {
    enum Kind {
        STREAM,
        PERSONAL,
        REMIX,
        SYNC,
        COMMERCIAL
    }

    /// @notice What a license grants. Immutable, but for `remix`, which is set once.
    /// @param coverage Bit k stands for kind k of the recording's works: bit 0 is the recording itself.
    /// @param version The separation's version when it was granted.
    /// @param expiresAt First second at which it is no longer valid; zero: never.
    /// @param remixPpm Of a REMIX license: what the licensed work gets of a remix' revenue.
    /// @param remix The remix that consumed it; zero while it is not consumed.
    struct License {
        uint224 work;
        uint8 coverage;
        Kind kind;
        bool transferable;
        bytes32 termsId;
        uint32 version;
        uint64 grantedAt;
        uint64 expiresAt;
        uint32 remixPpm;
        uint224 remix;
    }

    event LicenseGranted(
        uint256 indexed licenseId,
        uint224 indexed workId,
        address indexed licensee,
        bytes32 termsId,
        Kind kind,
        uint8 coverage,
        uint32 version,
        uint64 expiresAt,
        uint32 remixPpm,
        bool transferable
    );
    event LicenseConsumed(uint256 indexed licenseId, uint224 indexed workId, uint224 indexed remixId);

    error UnknownLicense(uint256 licenseId);
    error LicenseExists(uint256 licenseId);
    error NotTransferable(uint256 licenseId);
    error NotLicenseManager(address caller);
    error NotRegistry(address caller);
    error WrongKind(uint256 licenseId, Kind kind);
    error WrongWork(uint256 licenseId, uint224 licensed, uint224 work);
    error NotLicensee(uint256 licenseId, address holder, address account);
    error LicenseExpired(uint256 licenseId, uint64 expiresAt);
    error AlreadyConsumed(uint256 licenseId, uint224 remixId);

    /// @notice Grants a license. The license manager only; `grantedAt` and `remix` are ignored. No receiver is called.
    function grant(uint256 licenseId, address licensee, License calldata license) external;

    /// @notice Binds a REMIX license of exactly `work`, held by `creator` and not expired, to a remix for good; from then
    /// on it cannot be transferred. The registry only. A flag does not matter.
    /// @return remixPpm The work's share of the remix' revenue.
    function consume(uint256 licenseId, uint224 work, address creator, uint224 remixId)
        external
        returns (uint32 remixPpm);

    /// @return Whether the license has been granted, and so its purchase made.
    function exists(uint256 licenseId) external view returns (bool);

    /// @dev The views below revert with UnknownLicense.
    function licenseOf(uint256 licenseId) external view returns (License memory);

    /// @return Whether the license has not expired. A consumed license stays valid for its remix.
    function isValid(uint256 licenseId) external view returns (bool);

    /// @return First second at which it is no longer valid; zero: never.
    function expiresAt(uint256 licenseId) external view returns (uint64);

    /// @return Whether the license is for `work`, or for its recording and covers it.
    function covers(uint256 licenseId, uint224 work) external view returns (bool);

    /// @return Metadata of the collection, ERC-7572.
    function contractURI() external view returns (string memory);
}
