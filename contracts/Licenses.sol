// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ILicenseManager} from "./interfaces/ILicenseManager.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {LicenseMetadata} from "./libraries/LicenseMetadata.sol";
import {WorkId} from "./libraries/WorkId.sol";

/// @title Licenses, see ILicenses.
contract Licenses is ILicenses, ERC721 {
    /// @dev A license in three words. All but the owner is written at the grant and never again.
    struct Snapshot {
        address owner;
        uint32 grantedAt;
        uint40 expiresAt;
        uint8 coverage;
        Kind kind;
        bool transferable;
        uint224 work;
        uint32 version;
        bytes32 termsId;
    }

    /// @dev What only a REMIX license has: the share, written at the grant, and the remix, written once.
    struct Consumption {
        uint224 remix;
        uint32 remixPpm;
    }

    IStemRegistry public immutable registry;
    ILicenseManager public immutable manager;

    mapping(uint256 licenseId => Snapshot) private _snapshots;
    mapping(uint256 licenseId => Consumption) private _consumptions;
    mapping(address account => uint256) private _balances;

    constructor(IStemRegistry registry_, ILicenseManager manager_) ERC721("Stemma Licenses", "STEMMA-L") {
        registry = registry_;
        manager = manager_;
    }

    // ------------------------------------------------------------------ writes

    /// @inheritdoc ILicenses
    function grant(uint256 licenseId, address licensee, License calldata license) external {
        require(msg.sender == address(manager), NotLicenseManager(msg.sender));
        require(licensee != address(0), ERC721InvalidReceiver(address(0)));
        require(!exists(licenseId), LicenseExists(licenseId));
        _snapshots[licenseId] = Snapshot({
            owner: licensee,
            grantedAt: SafeCast.toUint32(block.timestamp),
            expiresAt: SafeCast.toUint40(license.expiresAt),
            coverage: license.coverage,
            kind: license.kind,
            transferable: license.transferable,
            work: license.work,
            version: license.version,
            termsId: license.termsId
        });
        if (license.remixPpm != 0) _consumptions[licenseId].remixPpm = license.remixPpm;
        ++_balances[licensee];
        emit Transfer(address(0), licensee, licenseId);
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
        require(snapshot.owner == creator, NotLicensee(licenseId, snapshot.owner, creator));
        require(snapshot.work == work, WrongWork(licenseId, snapshot.work, work));
        require(snapshot.kind == Kind.REMIX, WrongKind(licenseId, snapshot.kind));
        require(_isRunning(snapshot.expiresAt), LicenseExpired(licenseId, snapshot.expiresAt));
        Consumption storage consumption = _consumptions[licenseId];
        require(consumption.remix == 0, AlreadyConsumed(licenseId, consumption.remix));
        remixPpm = consumption.remixPpm;
        consumption.remix = remixId;
        emit LicenseConsumed(licenseId, work, remixId);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ILicenses
    function exists(uint256 licenseId) public view returns (bool) {
        return _ownerOf(licenseId) != address(0);
    }

    /// @notice How many licenses an account holds, ERC-721.
    function balanceOf(address account) public view override(ERC721, IERC721) returns (uint256) {
        require(account != address(0), ERC721InvalidOwner(address(0)));
        return _balances[account];
    }

    /// @inheritdoc ILicenses
    function licenseOf(uint256 licenseId) external view returns (License memory) {
        Snapshot storage snapshot = _existing(licenseId);
        Consumption storage consumption = _consumptions[licenseId];
        return License({
            work: snapshot.work,
            coverage: snapshot.coverage,
            kind: snapshot.kind,
            transferable: snapshot.transferable,
            termsId: snapshot.termsId,
            version: snapshot.version,
            grantedAt: snapshot.grantedAt,
            expiresAt: snapshot.expiresAt,
            remixPpm: consumption.remixPpm,
            remix: consumption.remix
        });
    }

    /// @inheritdoc ILicenses
    function isValid(uint256 licenseId) external view returns (bool) {
        return _isRunning(_existing(licenseId).expiresAt) || _consumptions[licenseId].remix != 0;
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

    /// @dev Owners and balances are kept here instead of in ERC721's own storage, so that an owner shares a word with the
    /// license. `grant` mints and nothing burns, so this is always a transfer from one account to another.
    function _update(address to, uint256 licenseId, address auth) internal override returns (address from) {
        Snapshot storage snapshot = _snapshots[licenseId];
        from = snapshot.owner;
        _checkAuthorized(from, auth, licenseId);
        require(snapshot.transferable && _consumptions[licenseId].remix == 0, NotTransferable(licenseId));
        _approve(address(0), licenseId, address(0), false);
        --_balances[from];
        ++_balances[to];
        snapshot.owner = to;
        emit Transfer(from, to, licenseId);
    }

    function _ownerOf(uint256 licenseId) internal view override returns (address) {
        return _snapshots[licenseId].owner;
    }

    function _existing(uint256 licenseId) private view returns (Snapshot storage) {
        require(exists(licenseId), UnknownLicense(licenseId));
        return _snapshots[licenseId];
    }

    function _isRunning(uint64 end) private view returns (bool) {
        return end == 0 || block.timestamp < end;
    }
}
