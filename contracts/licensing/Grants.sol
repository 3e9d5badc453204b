// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IIPNFT} from "../interfaces/IIPNFT.sol";
import {ILicenseManager} from "../interfaces/ILicenseManager.sol";
import {ILicenses} from "../interfaces/ILicenses.sol";
import {IStemRegistry} from "../interfaces/IStemRegistry.sol";
import {Exclusivities} from "../libraries/Exclusivities.sol";
import {WorkId} from "../libraries/WorkId.sol";
import {Attachments} from "./Attachments.sol";

/// @title What a license says, and what a work may still grant, see ILicenseManager.
abstract contract Grants is Attachments {
    uint8 private constant MAX_ANCESTORS = 128;

    IStemRegistry public immutable registry;
    ILicenses public immutable licenses;
    IDisputes public immutable disputes;

    mapping(uint224 recordingId => mapping(ILicenses.Kind => uint256)) private _exclusivities;

    constructor(IStemRegistry registry_, ILicenses licenses_, IDisputes disputes_) {
        registry = registry_;
        licenses = licenses_;
        disputes = disputes_;
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ILicenseManager
    function exclusivityOf(uint224 recordingId, ILicenses.Kind kind) external view returns (Exclusivity memory) {
        return Exclusivities.unpack(_exclusivities[recordingId][kind]);
    }

    // ------------------------------------------------------------------ internal

    /// @return license What a grant of the work under the terms would be now; reverts if there can be none.
    function _draft(uint224 work, bytes32 termsId, IIPNFT.Standing memory standing)
        internal
        view
        returns (ILicenses.License memory license)
    {
        KeptTerms storage terms = _knownTerms(termsId);
        require(!disputes.isFlagged(work), RecordingFlagged(WorkId.recordingOf(work)));
        _checkGrantsLeft(work, termsId, terms.maxGrants);
        license.work = work;
        license.coverage = standing.coverage;
        license.version = standing.version;
        license.termsId = termsId;
        license.kind = terms.kind;
        license.transferable = terms.transferable;
        if (terms.duration != 0) license.expiresAt = uint64(block.timestamp) + terms.duration;
        _checkFree(work, license.kind, license.coverage);
        if (license.kind == ILicenses.Kind.REMIX) {
            license.remixPpm = terms.remixPpm;
            _checkRoom(work, license.remixPpm);
        }
    }

    /// @return granted How many licenses the work has granted under the terms, this one included.
    function _grant(uint256 licenseId, address licensee, ILicenses.License memory license)
        internal
        returns (uint32 granted)
    {
        granted = _countGrant(license.work, license.termsId);
        if (_knownTerms(license.termsId).exclusive) _exclude(license);
        licenses.grant(licenseId, licensee, license);
    }

    function _exclude(ILicenses.License memory license) private {
        uint224 recordingId = WorkId.recordingOf(license.work);
        uint32 until = SafeCast.toUint32(license.expiresAt);
        uint256 word = _exclusivities[recordingId][license.kind];
        _exclusivities[recordingId][license.kind] = Exclusivities.with(word, license.work, license.coverage, until);
        emit ExclusivityGranted(recordingId, license.kind, license.work, license.coverage, until);
    }

    function _checkFree(uint224 work, ILicenses.Kind kind, uint8 coverage) private view {
        uint256 word = _exclusivities[WorkId.recordingOf(work)][kind];
        uint256 until = Exclusivities.blockedUntil(word, coverage, block.timestamp);
        require(until == 0, ExclusivelyLicensed(work, kind, uint64(until)));
    }

    /// @dev A remix of this work alone must fit the caps. What several parents overflow together, only
    /// StemRegistry.previewTable shows beforehand.
    function _checkRoom(uint224 work, uint32 remixPpm) private view {
        IStemRegistry.Table memory table = registry.tableOf(work);
        require(
            uint256(table.stackPpm) + remixPpm <= MAX_STACK_PPM && table.ancestorCount < MAX_ANCESTORS,
            NoRoomForRemix(work, table.stackPpm, remixPpm, table.ancestorCount)
        );
    }
}
