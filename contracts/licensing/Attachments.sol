// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IIPNFT} from "../interfaces/IIPNFT.sol";
import {ILicenseManager} from "../interfaces/ILicenseManager.sol";
import {ILicenses} from "../interfaces/ILicenses.sol";
import {LicenseMessages} from "../libraries/LicenseMessages.sol";
import {WorkId} from "../libraries/WorkId.sol";

/// @title Terms, and the prices at which rights holders attach them to works, see ILicenseManager.
abstract contract Attachments is ILicenseManager {
    /// @dev Terms as they are kept: what every sale must know is in the first word.
    struct KeptTerms {
        address token;
        ILicenses.Kind kind;
        bool transferable;
        bool exclusive;
        bool published;
        uint32 maxGrants;
        uint32 duration;
        uint32 remixPpm;
        uint16 territory;
        bool commercialUse;
        bool attribution;
        bytes32 legalDigest;
    }

    /// @dev A work under terms, in one word.
    /// @param epoch The low 40 bits of the title epoch: the governing title's kind and its count. The rest of it, the
    /// recording, is the same in all epochs of a work.
    struct Listing {
        uint128 price;
        uint40 epoch;
        bool attached;
        uint32 granted;
    }

    uint16 private constant LAST_TERRITORY = 999;
    uint64 private constant MAX_DURATION = 100 * 365 days;
    uint64 private constant MAX_EXCLUSIVE_DURATION = 365 days;
    uint32 internal constant MAX_STACK_PPM = 800_000;

    IIPNFT public immutable titles;

    mapping(bytes32 termsId => KeptTerms) private _terms;
    mapping(uint224 work => mapping(bytes32 termsId => Listing)) private _listings;

    constructor(IIPNFT titles_) {
        titles = titles_;
    }

    // ------------------------------------------------------------------ writes

    /// @inheritdoc ILicenseManager
    function publishTerms(Terms calldata terms) external returns (bytes32 termsId) {
        termsId = termsIdOf(terms);
        if (_terms[termsId].published) return termsId;
        _checkTerms(terms);
        _terms[termsId] = KeptTerms({
            token: terms.token,
            kind: terms.kind,
            transferable: terms.transferable,
            exclusive: terms.exclusive,
            published: true,
            maxGrants: terms.maxGrants,
            duration: uint32(terms.duration),
            remixPpm: terms.remixPpm,
            territory: terms.territory,
            commercialUse: terms.commercialUse,
            attribution: terms.attribution,
            legalDigest: terms.legalDigest
        });
        emit TermsPublished({
            termsId: termsId,
            kind: terms.kind,
            token: terms.token,
            transferable: terms.transferable,
            exclusive: terms.exclusive,
            commercialUse: terms.commercialUse,
            attribution: terms.attribution,
            territory: terms.territory,
            maxGrants: terms.maxGrants,
            remixPpm: terms.remixPpm,
            duration: terms.duration,
            legalDigest: terms.legalDigest
        });
    }

    /// @inheritdoc ILicenseManager
    function attach(uint224 work, bytes32 termsId, uint128 price) external {
        _checkHolder(work, msg.sender, titles.rightsHolder(work));
        _knownTerms(termsId);
        uint256 titleEpoch = titles.titleEpoch(work);
        Listing storage listing = _listings[work][termsId];
        (listing.price, listing.epoch, listing.attached) = (price, uint40(titleEpoch), true);
        emit TermsAttached(work, termsId, msg.sender, titleEpoch, price);
    }

    /// @inheritdoc ILicenseManager
    function detach(uint224 work, bytes32 termsId) external {
        _checkHolder(work, msg.sender, titles.rightsHolder(work));
        Listing storage listing = _listings[work][termsId];
        require(listing.attached, NotAttached(work, termsId));
        (listing.price, listing.epoch, listing.attached) = (0, 0, false);
        emit TermsDetached(work, termsId, msg.sender);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ILicenseManager
    function termsOf(bytes32 termsId) external view returns (Terms memory) {
        KeptTerms storage terms = _knownTerms(termsId);
        return Terms({
            kind: terms.kind,
            token: terms.token,
            transferable: terms.transferable,
            exclusive: terms.exclusive,
            commercialUse: terms.commercialUse,
            attribution: terms.attribution,
            territory: terms.territory,
            maxGrants: terms.maxGrants,
            remixPpm: terms.remixPpm,
            duration: terms.duration,
            legalDigest: terms.legalDigest
        });
    }

    /// @inheritdoc ILicenseManager
    function termsIdOf(Terms calldata terms) public pure returns (bytes32) {
        return LicenseMessages.hash(terms);
    }

    /// @inheritdoc ILicenseManager
    function attachmentOf(uint224 work, bytes32 termsId) external view returns (Attachment memory) {
        Listing storage listing = _listings[work][termsId];
        if (!listing.attached) return Attachment(0, 0, false);
        return Attachment(_wholeEpoch(work, listing.epoch), listing.price, true);
    }

    /// @inheritdoc ILicenseManager
    function grantedOf(uint224 work, bytes32 termsId) external view returns (uint32) {
        return _listings[work][termsId].granted;
    }

    // ------------------------------------------------------------------ internal

    /// @return price At which the work is attached to the terms in this title epoch.
    function _attachedPrice(uint224 work, bytes32 termsId, uint256 titleEpoch) internal view returns (uint128 price) {
        Listing storage listing = _listings[work][termsId];
        require(listing.attached, NotAttached(work, termsId));
        require(
            listing.epoch == uint40(titleEpoch), StaleTitle(work, _wholeEpoch(work, listing.epoch), titleEpoch)
        );
        return listing.price;
    }

    function _checkGrantsLeft(uint224 work, bytes32 termsId, uint32 maxGrants) internal view {
        require(
            maxGrants == 0 || _listings[work][termsId].granted < maxGrants, GrantsUsedUp(work, termsId, maxGrants)
        );
    }

    /// @return granted How many licenses the work has granted under the terms, this one included.
    function _countGrant(uint224 work, bytes32 termsId) internal returns (uint32 granted) {
        granted = ++_listings[work][termsId].granted;
    }

    function _checkHolder(uint224 work, address account, address holder) internal pure {
        require(account == holder, NotRightsHolder(work, account, holder));
    }

    function _knownTerms(bytes32 termsId) internal view returns (KeptTerms storage terms) {
        terms = _terms[termsId];
        require(terms.published, UnknownTerms(termsId));
    }

    function _checkTerms(Terms calldata terms) private pure {
        require(terms.territory != 0 && terms.territory <= LAST_TERRITORY, InvalidTerms("territory"));
        require(terms.legalDigest != 0, InvalidTerms("legalDigest"));
        require(terms.duration <= MAX_DURATION, InvalidTerms("duration"));
        if (terms.exclusive) {
            require(terms.duration != 0 && terms.duration <= MAX_EXCLUSIVE_DURATION, InvalidTerms("duration"));
        }
        uint32 cap = terms.kind == ILicenses.Kind.REMIX ? MAX_STACK_PPM : 0;
        require(terms.remixPpm <= cap, InvalidTerms("remixPpm"));
    }

    function _wholeEpoch(uint224 work, uint40 epoch) private pure returns (uint256) {
        return uint256(WorkId.recordingOf(work)) << 32 | epoch;
    }
}
