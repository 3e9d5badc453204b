// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

import {ILicenseManager} from "./interfaces/ILicenseManager.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {LicenseMetadata} from "./libraries/LicenseMetadata.sol";
import {WorkId} from "./libraries/WorkId.sol";

/// @title Licenses, see ILicenses.
contract Licenses is ILicenses, ERC721 {
    /// @dev What is written at the grant and never again, in three words.
    struct Snapshot {
        uint224 work;
        uint8 coverage;
        Kind kind;
        bool transferable;
        bytes32 termsId;
        uint32 version;
        uint64 grantedAt;
        uint64 expiresAt;
        uint32 remixPpm;
    }

    IStemRegistry public immutable registry;
    ILicenseManager public immutable manager;

    mapping(uint256 licenseId => Snapshot) private _snapshots;
    mapping(uint256 licenseId => uint224) private _remixes;

    constructor(IStemRegistry registry_, ILicenseManager manager_) ERC721("Stemma Licenses", "STEMMA-L") {
        registry = registry_;
        manager = manager_;
    }

    // ------------------------------------------------------------------ writes

    /// @inheritdoc ILicenses
    function grant(uint256 licenseId, address licensee, License calldata license) external {
        require(msg.sender == address(manager), NotLicenseManager(msg.sender));
        require(!exists(licenseId), LicenseExists(licenseId));
        _snapshots[licenseId] = Snapshot({
            work: license.work,
            coverage: license.coverage,
            kind: license.kind,
            transferable: license.transferable,
            termsId: license.termsId,
            version: license.version,
            grantedAt: uint64(block.timestamp),
            expiresAt: license.expiresAt,
            remixPpm: license.remixPpm
        });
        _mint(licensee, licenseId);
        emit LicenseGranted({
            licenseId: licenseId,
            workId: license.work,
            licensee: licensee,
            termsId: license.termsId,
            kind: license.kind,
            coverage: license.coverage,
            version: license.version,
            expiresAt: license.expiresAt,
            remixPpm: license.remixPpm,
            transferable: license.transferable
        });
    }

    /// @inheritdoc ILicenses
    function consume(uint256 licenseId, uint224 work, address creator, uint224 remixId)
        external
        returns (uint32 remixPpm)
    {
        require(msg.sender == address(registry), NotRegistry(msg.sender));
        Snapshot storage snapshot = _existing(licenseId);
        address holder = _ownerOf(licenseId);
        require(holder == creator, NotLicensee(licenseId, holder, creator));
        require(snapshot.work == work, WrongWork(licenseId, snapshot.work, work));
        require(snapshot.kind == Kind.REMIX, WrongKind(licenseId, snapshot.kind));
        require(_remixes[licenseId] == 0, AlreadyConsumed(licenseId, _remixes[licenseId]));
        require(_isRunning(snapshot.expiresAt), LicenseExpired(licenseId, snapshot.expiresAt));
        _remixes[licenseId] = remixId;
        emit LicenseConsumed(licenseId, work, remixId);
        return snapshot.remixPpm;
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ILicenses
    function exists(uint256 licenseId) public view returns (bool) {
        return _ownerOf(licenseId) != address(0);
    }

    /// @inheritdoc ILicenses
    function licenseOf(uint256 licenseId) external view returns (License memory) {
        Snapshot storage snapshot = _existing(licenseId);
        return License({
            work: snapshot.work,
            coverage: snapshot.coverage,
            kind: snapshot.kind,
            transferable: snapshot.transferable,
            termsId: snapshot.termsId,
            version: snapshot.version,
            grantedAt: snapshot.grantedAt,
            expiresAt: snapshot.expiresAt,
            remixPpm: snapshot.remixPpm,
            remix: _remixes[licenseId]
        });
    }

    /// @inheritdoc ILicenses
    function isValid(uint256 licenseId) external view returns (bool) {
        return _isRunning(_existing(licenseId).expiresAt) || _remixes[licenseId] != 0;
    }

    /// @inheritdoc ILicenses
    function expiresAt(uint256 licenseId) external view returns (uint64) {
        return _existing(licenseId).expiresAt;
    }

    /// @inheritdoc ILicenses
    function covers(uint256 licenseId, uint224 work) external view returns (bool) {
        Snapshot storage snapshot = _existing(licenseId);
        uint8 kind = WorkId.kindOf(work);
        return WorkId.recordingOf(work) == WorkId.recordingOf(snapshot.work) && kind <= WorkId.LAST_KIND
            && (snapshot.coverage >> kind) & 1 != 0;
    }

    /// @notice Metadata of a license, ERC-721: a JSON document made of what was granted, as a data URI.
    function tokenURI(uint256 licenseId) public view override returns (string memory) {
        Snapshot storage snapshot = _existing(licenseId);
        return LicenseMetadata.uri({
            work: snapshot.work,
            kind: snapshot.kind,
            coverage: snapshot.coverage,
            version: snapshot.version,
            expiresAt: snapshot.expiresAt,
            transferable: snapshot.transferable,
            termsId: snapshot.termsId
        });
    }

    /// @inheritdoc ILicenses
    function contractURI() external pure returns (string memory) {
        return "data:application/json;utf8,{\"name\":\"Stemma Licenses\",\"symbol\":\"STEMMA-L\","
            "\"description\":\"Licenses of recordings and of the stems they were separated into.\"}";
    }

    // ------------------------------------------------------------------ internal

    /// @dev A license changes hands only if its terms say so, and a consumed one never again: it belongs to its remix.
    function _update(address to, uint256 licenseId, address auth) internal override returns (address from) {
        from = super._update(to, licenseId, auth);
        require(
            from == address(0) || (_snapshots[licenseId].transferable && _remixes[licenseId] == 0),
            NotTransferable(licenseId)
        );
    }

    function _existing(uint256 licenseId) private view returns (Snapshot storage) {
        require(exists(licenseId), UnknownLicense(licenseId));
        return _snapshots[licenseId];
    }

    function _isRunning(uint64 end) private view returns (bool) {
        return end == 0 || block.timestamp < end;
    }
}
