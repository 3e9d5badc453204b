// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IIPNFT} from "./interfaces/IIPNFT.sol";
import {ILicenseManager} from "./interfaces/ILicenseManager.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IRoles} from "./interfaces/IRoles.sol";
import {IRoyaltySplitter} from "./interfaces/IRoyaltySplitter.sol";
import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {Assets} from "./libraries/Assets.sol";
import {LicenseMessages} from "./libraries/LicenseMessages.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Attachments} from "./licensing/Attachments.sol";
import {Grants} from "./licensing/Grants.sol";
import {Sellers} from "./licensing/Sellers.sol";

/// @title Sells licenses, see ILicenseManager.
contract LicenseManager is Grants, Sellers, ReentrancyGuardTransient {
    /// @dev What a purchase comes to.
    struct Deal {
        address seller;
        address token;
        uint256 price;
        uint256 fee;
    }

    uint32 private constant MAX_FEE_PPM = 50_000;
    uint256 private constant WHOLE_PPM = 1_000_000;

    IRoles public immutable roles;
    IRoyaltySplitter public immutable splitter;

    /// @inheritdoc ILicenseManager
    uint32 public feePpm;

    constructor(
        IRoles roles_,
        IStemRegistry registry_,
        IIPNFT titles_,
        IRoyaltySplitter splitter_,
        ILicenses licenses_,
        IDisputes disputes_
    ) Attachments(titles_) Grants(registry_, licenses_, disputes_) EIP712("LicenseManager", "1") {
        roles = roles_;
        splitter = splitter_;
    }

    // ------------------------------------------------------------------ purchases

    /// @inheritdoc ILicenseManager
    function buy(Purchase calldata purchase, SignedOffer calldata offer, uint256 maxPrice)
        external
        payable
        nonReentrant
        returns (uint256 licenseId)
    {
        Deal memory deal;
        (licenseId, deal) = _sell(purchase, offer, maxPrice, msg.sender);
        uint256 value = deal.token == Assets.NATIVE ? deal.price : 0;
        require(msg.value == value, WrongValue(msg.value, value));
        _collect(msg.sender, purchase.work, deal, licenseId);
    }

    /// @inheritdoc ILicenseManager
    function buyMany(Purchase[] calldata purchases, SignedOffer[] calldata offers, uint256[] calldata maxPrices)
        external
        payable
        nonReentrant
    {
        require(
            purchases.length == offers.length && purchases.length == maxPrices.length,
            LengthMismatch(purchases.length, offers.length, maxPrices.length)
        );
        uint256 value = 0;
        for (uint256 i = 0; i < purchases.length; ++i) {
            (uint256 licenseId, Deal memory deal) = _sell(purchases[i], offers[i], maxPrices[i], msg.sender);
            if (deal.token == Assets.NATIVE) value += deal.price;
            require(value <= msg.value, WrongValue(msg.value, value));
            _collect(msg.sender, purchases[i].work, deal, licenseId);
        }
        require(msg.value == value, WrongValue(msg.value, value));
    }

    /// @inheritdoc ILicenseManager
    function buyWithAuthorization(
        Purchase calldata purchase,
        SignedOffer calldata offer,
        address payer,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external nonReentrant returns (uint256 licenseId) {
        Deal memory deal;
        (licenseId, deal) = _sell(purchase, offer, type(uint256).max, payer);
        // The authorization is the payer's only word, and the token looks at it: without a price nobody would.
        require(deal.price != 0, NothingToPay());
        require(deal.token != Assets.NATIVE, NativeNotPossible());
        splitter.collectWithAuthorization({
            payer: payer,
            work: purchase.work,
            token: deal.token,
            price: deal.price,
            fee: deal.fee,
            paymentReference: bytes32(licenseId),
            validAfter: validAfter,
            validBefore: validBefore,
            nonce: bytes32(licenseId),
            signature: signature
        });
    }

    /// @inheritdoc ILicenseManager
    function buyWithOrder(
        Order calldata order,
        bytes calldata orderSignature,
        SignedOffer calldata offer,
        Permit calldata permit
    ) external nonReentrant returns (uint256 licenseId) {
        require(block.timestamp <= order.deadline, DeadlinePassed(order.deadline, block.timestamp));
        bytes32 digest = orderDigest(order);
        require(
            Signatures.isValid(order.payer, digest, orderSignature), InvalidSignature(order.payer, digest)
        );
        Deal memory deal;
        (licenseId, deal) = _sell(order.purchase, offer, order.maxPrice, order.payer);
        require(deal.token != Assets.NATIVE || deal.price == 0, NativeNotPossible());
        if (deal.price != 0 && permit.deadline != 0) _permit(deal.token, order.payer, permit);
        _collect(order.payer, order.purchase.work, deal, licenseId);
    }

    /// @inheritdoc ILicenseManager
    function grantMany(uint224 work, bytes32 termsId, address[] calldata licensees, uint256 salt)
        external
        nonReentrant
    {
        IIPNFT.Standing memory standing = titles.standingOf(work);
        _checkHolder(work, msg.sender, standing.rightsHolder);
        for (uint256 i = 0; i < licensees.length; ++i) {
            Purchase memory purchase = Purchase(work, termsId, licensees[i], 0, 0, salt + i);
            uint256 licenseId = uint256(_hashTypedDataV4(LicenseMessages.hash(purchase)));
            uint32 granted = _grant(licenseId, licensees[i], _draft(work, termsId, standing));
            emit LicenseSold(licenseId, work, msg.sender, msg.sender, termsId, 0, 0, granted);
        }
    }

    // ------------------------------------------------------------------ the fee

    /// @inheritdoc ILicenseManager
    function setFee(uint32 feePpm_) external {
        require(feePpm_ <= MAX_FEE_PPM, FeeTooHigh(feePpm_, MAX_FEE_PPM));
        if (msg.sender != address(roles)) {
            require(roles.isGuardian(msg.sender), NotGuardian(msg.sender));
            require(feePpm_ < feePpm, FeeNotLower(feePpm_, feePpm));
        }
        feePpm = feePpm_;
        emit FeeChanged(feePpm_);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ILicenseManager
    function purchaseHash(Purchase calldata purchase) public view returns (bytes32) {
        return _hashTypedDataV4(LicenseMessages.hash(purchase));
    }

    /// @inheritdoc ILicenseManager
    function orderDigest(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(LicenseMessages.hash(order));
    }

    /// @inheritdoc ILicenseManager
    function askOf(Purchase calldata purchase, SignedOffer calldata offer)
        external
        view
        returns (ILicenses.Kind kind, address token, uint256 price)
    {
        bool listed = _isListPrice(offer);
        KeptTerms storage terms = _knownTerms(listed ? purchase.basis : offer.offer.termsId);
        price = listed
            ? _attachedPrice(purchase.work, purchase.basis, titles.titleEpoch(purchase.work))
            : offer.offer.price;
        return (terms.kind, terms.token, price);
    }

    /// @inheritdoc ILicenseManager
    function quote(Purchase calldata purchase, SignedOffer calldata offer)
        external
        view
        returns (address token, uint256 price)
    {
        uint256 licenseId = uint256(purchaseHash(purchase));
        require(!licenses.exists(licenseId), ILicenses.LicenseExists(licenseId));
        (Deal memory deal,) = _dealOf(purchase, offer);
        require(
            deal.price == 0 || splitter.isAccepted(deal.token), IRoyaltySplitter.TokenNotAccepted(deal.token)
        );
        return (deal.token, deal.price);
    }

    // ------------------------------------------------------------------ internal

    /// @dev Everything but the money, which the caller collects last, because tokens are others' code.
    function _sell(Purchase calldata purchase, SignedOffer calldata offer, uint256 maxPrice, address payer)
        private
        returns (uint256 licenseId, Deal memory deal)
    {
        licenseId = uint256(purchaseHash(purchase));
        ILicenses.License memory license;
        (deal, license) = _dealOf(purchase, offer);
        require(deal.price <= maxPrice, PriceTooHigh(deal.price, maxPrice));
        if (!_isListPrice(offer)) _useOffer(offer.offer, licenseId, purchase.basis);
        uint32 granted = _grant(licenseId, purchase.licensee, license);
        emit LicenseSold({
            licenseId: licenseId,
            workId: purchase.work,
            payer: payer,
            seller: deal.seller,
            termsId: license.termsId,
            price: deal.price,
            fee: deal.fee,
            granted: granted
        });
    }

    /// @dev Reverts if the purchase cannot be made.
    function _dealOf(Purchase calldata purchase, SignedOffer calldata offer)
        private
        view
        returns (Deal memory deal, ILicenses.License memory license)
    {
        uint32 fee = feePpm;
        IIPNFT.Standing memory standing = titles.standingOf(purchase.work);
        if (_isListPrice(offer)) {
            license = _draft(purchase.work, purchase.basis, standing);
            deal.price = _attachedPrice(purchase.work, purchase.basis, standing.titleEpoch);
            deal.seller = standing.rightsHolder;
        } else {
            _checkOffer(offer, purchase, fee);
            _checkSeller(offer.offer, standing);
            license = _draft(purchase.work, offer.offer.termsId, standing);
            deal.price = offer.offer.price;
            deal.seller = offer.offer.seller;
        }
        require(
            purchase.coverage & ~license.coverage == 0, CoverageTooSmall(license.coverage, purchase.coverage)
        );
        require(purchase.version <= license.version, VersionTooLow(license.version, purchase.version));
        deal.token = _knownTerms(license.termsId).token;
        deal.fee = deal.price * fee / WHOLE_PPM;
    }

    /// @dev Nothing that a former holder signed counts, nor what was signed before the title last changed hands.
    function _checkSeller(Offer calldata offer, IIPNFT.Standing memory standing) private pure {
        _checkHolder(offer.work, offer.seller, standing.rightsHolder);
        require(
            offer.titleEpoch == standing.titleEpoch, StaleTitle(offer.work, offer.titleEpoch, standing.titleEpoch)
        );
    }

    function _isListPrice(SignedOffer calldata offer) private pure returns (bool) {
        return offer.offer.seller == address(0);
    }

    /// @dev A permit that fails has perhaps been used by somebody else before: the allowance tells.
    function _permit(address token, address payer, Permit calldata permit) private {
        try IERC20Permit(token).permit(
            payer, address(splitter), permit.value, permit.deadline, permit.v, permit.r, permit.s
        ) {} catch {}
    }

    function _collect(address payer, uint224 work, Deal memory deal, uint256 licenseId) private {
        if (deal.price == 0) return;
        splitter.collect{value: deal.token == Assets.NATIVE ? deal.price : 0}({
            payer: payer,
            work: work,
            token: deal.token,
            price: deal.price,
            fee: deal.fee,
            paymentReference: bytes32(licenseId)
        });
    }
}
