// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ILicenseManager} from "../interfaces/ILicenseManager.sol";

/// @title EIP-712 struct hashes of terms, offers, purchases and orders.
/// @dev All members are one word each, so the encoding of a struct is its EIP-712 encoding.
library LicenseMessages {
    bytes32 internal constant TERMS_TYPE = keccak256(
        "Terms(uint8 kind,address token,bool transferable,bool exclusive,bool commercialUse,bool attribution,uint16 territory,uint32 maxGrants,uint32 remixPpm,uint64 duration,bytes32 legalDigest)"
    );
    bytes32 internal constant OFFER_TYPE = keccak256(
        "Offer(address seller,uint256 sellerEpoch,uint224 work,uint256 titleEpoch,bytes32 termsId,uint128 price,uint64 validFrom,uint64 validUntil,uint32 maxFeePpm,address licensee,uint256 nonce,uint32 uses)"
    );
    bytes32 internal constant PURCHASE_TYPE = keccak256(
        "Purchase(uint224 work,bytes32 basis,address licensee,uint8 coverage,uint32 version,uint256 salt)"
    );
    bytes32 internal constant ORDER_TYPE = keccak256(
        "Order(address payer,Purchase purchase,uint128 maxPrice,uint64 deadline)"
        "Purchase(uint224 work,bytes32 basis,address licensee,uint8 coverage,uint32 version,uint256 salt)"
    );

    function hash(ILicenseManager.Terms calldata terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(TERMS_TYPE, terms));
    }

    function hash(ILicenseManager.Offer calldata offer) internal pure returns (bytes32) {
        return keccak256(abi.encode(OFFER_TYPE, offer));
    }

    function hash(ILicenseManager.Purchase memory purchase) internal pure returns (bytes32) {
        return keccak256(abi.encode(PURCHASE_TYPE, purchase));
    }

    function hash(ILicenseManager.Order calldata order) internal pure returns (bytes32) {
        return keccak256(abi.encode(ORDER_TYPE, order.payer, hash(order.purchase), order.maxPrice, order.deadline));
    }
}
