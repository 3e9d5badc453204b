// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ILicenses} from "./ILicenses.sol";

/// @title Who may sell what: terms, attachments, offers, delegations, exclusivity, and the purchase itself.
/// @notice Prices are base units of the terms' token (zero: native), gross: the protocol fee is taken out of them.
/// Signed messages: EIP-712 domain {name "LicenseManager", version "1", chainId, contract}.
interface ILicenseManager {
    /// @notice Conditions, named by the hash of their content: the same terms have the same id everywhere.
    /// @param token What licenses under these terms are paid in; zero: native.
    /// @param exclusive Whether a grant blocks later grants of its kind for its duration.
    /// @param duration Seconds from the grant, at most a hundred years; zero: for ever. Exclusive: one second to 365 days.
    /// @param maxGrants Per work, for ever, offers included; zero: without limit.
    /// @param remixPpm Of REMIX terms: the work's share of a remix' revenue; zero for every other kind.
    /// @param territory UN M.49 code: 1 the world, 150 Europe, 276 Germany …
    /// @param legalDigest SHA-256 of the legal text.
    struct Terms {
        ILicenses.Kind kind;
        address token;
        bool transferable;
        bool exclusive;
        bool commercialUse;
        bool attribution;
        uint16 territory;
        uint32 maxGrants;
        uint32 remixPpm;
        uint64 duration;
        bytes32 legalDigest;
    }

    /// @notice A rights holder's standing price for one work under terms; it lives as long as the title epoch.
    struct Attachment {
        uint256 titleEpoch;
        uint128 price;
        bool attached;
    }

    /// @notice What a negotiation ends in, signed by the seller or by a signer to whom the seller delegated.
    /// @param seller Must be the work's rights holder when it is used.
    /// @param sellerEpoch The seller's epoch; `revokeAll` cancels all its offers and delegations by raising it.
    /// @param titleEpoch IPNFT.titleEpoch of the work: no offer survives a sale.
    /// @param validUntil At most 30 days after validFrom.
    /// @param maxFeePpm The highest protocol fee that the seller accepts.
    /// @param licensee Who may be licensed; zero: anyone.
    /// @param uses How often it may be used, counted per seller and nonce.
    struct Offer {
        address seller;
        uint256 sellerEpoch;
        uint224 work;
        uint256 titleEpoch;
        bytes32 termsId;
        uint128 price;
        uint64 validFrom;
        uint64 validUntil;
        uint32 maxFeePpm;
        address licensee;
        uint256 nonce;
        uint32 uses;
    }

    /// @notice What a buyer wants. Its hash is the license's id and the nonce of an EIP-3009 authorization.
    /// @param basis The id of the terms, to buy at the attached price, or the digest of an offer.
    /// @param coverage Bits that the license must cover at least, see ILicenses.License.
    /// @param version The separation's version that it must have at least.
    struct Purchase {
        uint224 work;
        bytes32 basis;
        address licensee;
        uint8 coverage;
        uint32 version;
        uint256 salt;
    }

    /// @notice An offer with its signature. At the attached price: all zero and empty.
    /// @param signer The seller, or the signer to whom it delegated (ECDSA, or ERC-1271 of the signer).
    struct SignedOffer {
        Offer offer;
        address signer;
        bytes signature;
    }

    /// @notice A buyer's signed order: it pays at most `maxPrice` for the purchase. Used up by the license's existence.
    struct Order {
        address payer;
        Purchase purchase;
        uint128 maxPrice;
        uint64 deadline;
    }

    /// @notice An ERC-2612 permit of the payer for the splitter (spender); one that fails is ignored, in case somebody has
    /// already used it.
    struct Permit {
        uint256 value;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice Who may sign offers in a holder's name, and how low.
    /// @param expiry Last second.
    struct Delegation {
        uint128 floorPrice;
        uint64 expiry;
    }

    /// @notice The exclusive grants that run for one recording and kind.
    /// @param until Of the grant of the recording, whose coverage is `coverage`.
    /// @param stemUntil Of the grants of stems, vocals first.
    struct Exclusivity {
        uint32 until;
        uint8 coverage;
        uint32[6] stemUntil;
    }

    event TermsPublished(
        bytes32 indexed termsId,
        ILicenses.Kind indexed kind,
        address indexed token,
        bool transferable,
        bool exclusive,
        bool commercialUse,
        bool attribution,
        uint16 territory,
        uint32 maxGrants,
        uint32 remixPpm,
        uint64 duration,
        bytes32 legalDigest
    );
    event TermsAttached(
        uint224 indexed workId, bytes32 indexed termsId, address indexed holder, uint256 titleEpoch, uint128 price
    );
    event TermsDetached(uint224 indexed workId, bytes32 indexed termsId, address indexed holder);
    event SignerDelegated(
        address indexed holder,
        address indexed signer,
        uint224 indexed workId,
        bytes32 termsId,
        uint256 sellerEpoch,
        uint128 floorPrice,
        uint64 expiry
    );
    event DelegationRevoked(
        address indexed holder, address indexed signer, uint224 indexed workId, bytes32 termsId, uint256 sellerEpoch
    );
    /// @param used How often the nonce has been used afterwards.
    event OfferUsed(address indexed seller, uint256 indexed licenseId, bytes32 offerDigest, uint256 nonce, uint32 used);
    event OfferCancelled(address indexed seller, uint256 nonce);
    event SellerEpochRaised(address indexed seller, uint256 sellerEpoch);
    /// @param granted How many licenses the work has granted under the terms afterwards.
    event LicenseSold(
        uint256 indexed licenseId,
        uint224 indexed workId,
        address indexed payer,
        address seller,
        bytes32 termsId,
        uint256 price,
        uint256 fee,
        uint32 granted
    );
    event ExclusivityGranted(
        uint224 indexed recordingId, ILicenses.Kind indexed kind, uint224 indexed workId, uint8 coverage, uint32 until
    );
    event FeeChanged(uint32 feePpm);

    error UnknownTerms(bytes32 termsId);
    error InvalidTerms(string field);
    error NotRightsHolder(uint224 work, address account, address holder);
    error NotAttached(uint224 work, bytes32 termsId);
    error StaleTitle(uint224 work, uint256 titleEpoch, uint256 current);
    error StaleSeller(address seller, uint256 sellerEpoch, uint256 current);
    error OfferNotYetValid(uint64 validFrom, uint256 time);
    error OfferExpired(uint64 validUntil, uint256 time);
    error OfferTooLong(uint64 validFrom, uint64 validUntil);
    error OfferUsedUp(address seller, uint256 nonce, uint32 used, uint32 uses);
    error FeeTooHigh(uint32 feePpm, uint32 cap);
    error FeeNotLower(uint32 feePpm, uint32 current);
    error WrongLicensee(address licensee, address offered);
    error WrongBasis(bytes32 basis, bytes32 expected);
    error WrongWork(uint224 offered, uint224 wanted);
    error NotDelegated(address holder, address signer, uint224 work, bytes32 termsId);
    error BelowFloor(uint128 price, uint128 floorPrice);
    error InvalidSignature(address account, bytes32 digest);
    error DeadlinePassed(uint64 deadline, uint256 time);
    error PriceTooHigh(uint256 price, uint256 maxPrice);
    error CoverageTooSmall(uint8 coverage, uint8 wanted);
    error VersionTooLow(uint32 version, uint32 wanted);
    error GrantsUsedUp(uint224 work, bytes32 termsId, uint32 maxGrants);
    error ExclusivelyLicensed(uint224 work, ILicenses.Kind kind, uint64 until);
    error NoRoomForRemix(uint224 work, uint32 stackPpm, uint32 remixPpm, uint32 ancestorCount);
    error RecordingFlagged(uint224 recordingId);
    error WrongValue(uint256 given, uint256 expected);
    error NativeNotPossible();
    error NothingToPay();
    error LengthMismatch(uint256 purchases, uint256 offers, uint256 maxPrices);
    error NotGuardian(address caller);
    error ZeroAddress();

    // ---------------------------------------------------------------- terms and sellers

    /// @notice Makes terms known. Anyone; publishing them again changes nothing and emits nothing.
    function publishTerms(Terms calldata terms) external returns (bytes32 termsId);

    /// @notice Offers a work to everyone under terms at a price, until detached or the title epoch ends. The rights
    /// holder only; a second call sets another price.
    function attach(uint224 work, bytes32 termsId, uint128 price) external;

    function detach(uint224 work, bytes32 termsId) external;

    /// @notice Lets `signer` sign the caller's offers of a work (zero: any) under terms, at a price of at least the floor.
    function delegateSigner(address signer, uint224 work, bytes32 termsId, uint128 floorPrice, uint64 expiry) external;

    function revokeDelegation(address signer, uint224 work, bytes32 termsId) external;

    /// @notice Uses one of the caller's offer nonces up.
    function cancelOffer(uint256 nonce) external;

    /// @notice Cancels all offers and delegations of the caller.
    function revokeAll() external;

    // ---------------------------------------------------------------- purchases

    /// @notice Buys a license; the caller pays, in native coin by the value sent, or by its allowance to the splitter.
    /// @param offer All zero to buy at the attached price.
    /// @return licenseId `purchaseHash` as a number.
    function buy(Purchase calldata purchase, SignedOffer calldata offer, uint256 maxPrice)
        external
        payable
        returns (uint256 licenseId);

    /// @notice Several at once, all or none; the native prices must sum to the value sent.
    function buyMany(Purchase[] calldata purchases, SignedOffer[] calldata offers, uint256[] calldata maxPrices)
        external
        payable;

    /// @notice Buys with one signature: an EIP-3009 authorization of `payer` to the splitter over exactly the price, with
    /// the purchase's hash as its nonce. Anyone may send it. Not for free purchases, which would check no signature.
    function buyWithAuthorization(
        Purchase calldata purchase,
        SignedOffer calldata offer,
        address payer,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external returns (uint256 licenseId);

    /// @notice Buys for whoever signed the order, with an ERC-2612 permit along (all zero: an allowance is there).
    function buyWithOrder(
        Order calldata order,
        bytes calldata orderSignature,
        SignedOffer calldata offer,
        Permit calldata permit
    ) external returns (uint256 licenseId);

    /// @notice The rights holder grants licenses under terms for nothing. Salt i is `salt + i`.
    function grantMany(uint224 work, bytes32 termsId, address[] calldata licensees, uint256 salt) external;

    // ---------------------------------------------------------------- the fee

    /// @notice Raising takes the timelock; lowering also the guardian, at once. At most 50 000.
    function setFee(uint32 feePpm) external;

    // ---------------------------------------------------------------- views

    function feePpm() external view returns (uint32);

    function termsOf(bytes32 termsId) external view returns (Terms memory);

    function termsIdOf(Terms calldata terms) external pure returns (bytes32);

    function attachmentOf(uint224 work, bytes32 termsId) external view returns (Attachment memory);

    function delegationOf(address holder, address signer, uint224 work, bytes32 termsId)
        external
        view
        returns (Delegation memory);

    function sellerEpochOf(address seller) external view returns (uint256);

    function usedOf(address seller, uint256 nonce) external view returns (uint32);

    function grantedOf(uint224 work, bytes32 termsId) external view returns (uint32);

    function exclusivityOf(uint224 recordingId, ILicenses.Kind kind) external view returns (Exclusivity memory);

    function purchaseHash(Purchase calldata purchase) external view returns (bytes32);

    function offerDigest(Offer calldata offer) external view returns (bytes32);

    function orderDigest(Order calldata order) external view returns (bytes32);

    /// @notice What a purchase asks for, read and not checked: what a budget counts before it buys. Reverts for unknown
    /// terms and, without an offer, where there is no attached price now.
    /// @return kind Of the license.
    /// @return token Zero: native.
    /// @return price Gross.
    function askOf(Purchase calldata purchase, SignedOffer calldata offer)
        external
        view
        returns (ILicenses.Kind kind, address token, uint256 price);

    /// @notice What a purchase would cost; reverts as it would: for wallets that want to know before they ask.
    /// @return token Zero: native.
    /// @return price Gross.
    function quote(Purchase calldata purchase, SignedOffer calldata offer)
        external
        view
        returns (address token, uint256 price);
}
