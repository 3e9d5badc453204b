// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ILicenseManager} from "../interfaces/ILicenseManager.sol";
import {LicenseMessages} from "../libraries/LicenseMessages.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title Offers, and the signers to whom sellers delegate them, see ILicenseManager.
abstract contract Sellers is ILicenseManager, EIP712 {
    uint256 private constant MAX_OFFER_TIME = 30 days;
    uint224 private constant ANY_WORK = 0;
    uint256 private constant NONCES_IN_A_WORD = 8;

    mapping(address seller => uint256) private _epochs;
    /// @dev Eight nonces share a word, so a seller that counts its nonces up pays for a new word with every eighth only.
    mapping(address seller => mapping(uint256 octet => uint32[NONCES_IN_A_WORD])) private _used;
    mapping(bytes32 key => Delegation) private _delegations;

    // ------------------------------------------------------------------ writes

    /// @inheritdoc ILicenseManager
    function delegateSigner(address signer, uint224 work, bytes32 termsId, uint128 floorPrice, uint64 expiry) external {
        require(signer != address(0), ZeroAddress());
        uint256 epoch = _epochs[msg.sender];
        _delegations[_keyOf(msg.sender, epoch, signer, work, termsId)] = Delegation(floorPrice, expiry);
        emit SignerDelegated(msg.sender, signer, work, termsId, epoch, floorPrice, expiry);
    }

    /// @inheritdoc ILicenseManager
    function revokeDelegation(address signer, uint224 work, bytes32 termsId) external {
        uint256 epoch = _epochs[msg.sender];
        delete _delegations[_keyOf(msg.sender, epoch, signer, work, termsId)];
        emit DelegationRevoked(msg.sender, signer, work, termsId, epoch);
    }

    /// @inheritdoc ILicenseManager
    function cancelOffer(uint256 nonce) external {
        _setUsed(msg.sender, nonce, type(uint32).max);
        emit OfferCancelled(msg.sender, nonce);
    }

    /// @inheritdoc ILicenseManager
    function revokeAll() external {
        emit SellerEpochRaised(msg.sender, ++_epochs[msg.sender]);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ILicenseManager
    function delegationOf(address holder, address signer, uint224 work, bytes32 termsId)
        public
        view
        returns (Delegation memory)
    {
        return _delegations[_keyOf(holder, _epochs[holder], signer, work, termsId)];
    }

    /// @inheritdoc ILicenseManager
    function sellerEpochOf(address seller) external view returns (uint256) {
        return _epochs[seller];
    }

    /// @inheritdoc ILicenseManager
    function usedOf(address seller, uint256 nonce) public view returns (uint32) {
        return _used[seller][nonce / NONCES_IN_A_WORD][nonce % NONCES_IN_A_WORD];
    }

    /// @inheritdoc ILicenseManager
    function offerDigest(Offer calldata offer) public view returns (bytes32) {
        return _hashTypedDataV4(LicenseMessages.hash(offer));
    }

    // ------------------------------------------------------------------ internal

    /// @dev All that an offer can be refused for, but for what concerns the work: see LicenseManager.
    /// @param feePpm The protocol fee now.
    function _checkOffer(SignedOffer calldata signed, Purchase calldata purchase, uint32 feePpm) internal view {
        Offer calldata offer = signed.offer;
        bytes32 digest = offerDigest(offer);
        require(purchase.basis == digest, WrongBasis(purchase.basis, digest));
        require(purchase.work == offer.work, WrongWork(offer.work, purchase.work));
        require(
            offer.licensee == address(0) || offer.licensee == purchase.licensee,
            WrongLicensee(purchase.licensee, offer.licensee)
        );
        require(feePpm <= offer.maxFeePpm, FeeTooHigh(feePpm, offer.maxFeePpm));
        _checkTime(offer);
        uint256 epoch = _epochs[offer.seller];
        require(offer.sellerEpoch == epoch, StaleSeller(offer.seller, offer.sellerEpoch, epoch));
        uint32 used = usedOf(offer.seller, offer.nonce);
        require(used < offer.uses, OfferUsedUp(offer.seller, offer.nonce, used, offer.uses));
        if (signed.signer != offer.seller) _checkDelegation(offer, signed.signer);
        require(
            Signatures.isValid(signed.signer, digest, signed.signature), InvalidSignature(signed.signer, digest)
        );
    }

    function _useOffer(Offer calldata offer, uint256 licenseId, bytes32 digest) internal {
        uint32 used = usedOf(offer.seller, offer.nonce) + 1;
        _setUsed(offer.seller, offer.nonce, used);
        emit OfferUsed(offer.seller, licenseId, digest, offer.nonce, used);
    }

    function _setUsed(address seller, uint256 nonce, uint32 used) private {
        _used[seller][nonce / NONCES_IN_A_WORD][nonce % NONCES_IN_A_WORD] = used;
    }

    function _checkTime(Offer calldata offer) private view {
        require(offer.validFrom <= block.timestamp, OfferNotYetValid(offer.validFrom, block.timestamp));
        require(block.timestamp <= offer.validUntil, OfferExpired(offer.validUntil, block.timestamp));
        require(
            offer.validUntil - offer.validFrom <= MAX_OFFER_TIME, OfferTooLong(offer.validFrom, offer.validUntil)
        );
    }

    /// @dev A delegation for the work itself goes before one for any work, as long as it has not expired.
    function _checkDelegation(Offer calldata offer, address signer) private view {
        Delegation memory delegation = delegationOf(offer.seller, signer, offer.work, offer.termsId);
        if (delegation.expiry < block.timestamp) {
            delegation = delegationOf(offer.seller, signer, ANY_WORK, offer.termsId);
        }
        require(
            block.timestamp <= delegation.expiry, NotDelegated(offer.seller, signer, offer.work, offer.termsId)
        );
        require(offer.price >= delegation.floorPrice, BelowFloor(offer.price, delegation.floorPrice));
    }

    /// @dev The epoch is part of the key, so raising it ends all delegations.
    function _keyOf(address holder, uint256 epoch, address signer, uint224 work, bytes32 termsId)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(holder, epoch, signer, work, termsId));
    }
}
