// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IFiatToken} from "./interfaces/IFiatToken.sol";
import {IIPNFT} from "./interfaces/IIPNFT.sol";
import {ILicenseManager} from "./interfaces/ILicenseManager.sol";
import {IRoles} from "./interfaces/IRoles.sol";
import {IRoyaltySplitter} from "./interfaces/IRoyaltySplitter.sol";
import {IStemRegistry} from "./interfaces/IStemRegistry.sol";
import {Assets} from "./libraries/Assets.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {ReceiverCode} from "./libraries/ReceiverCode.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {WorkId} from "./libraries/WorkId.sol";
import {Receiver} from "./Receiver.sol";
import {Slots} from "./royalties/Slots.sol";
import {TokenLedger} from "./royalties/TokenLedger.sol";

/// @title All money of the house, as a ledger: see IRoyaltySplitter.
/// @dev Money comes in to a work's `received`, moves to the `income` of that work and of its ancestors, and leaves through
/// the slots of an income. Each step gives a share of a total that never falls, less what the share took before.
contract RoyaltySplitter is TokenLedger, Slots, EIP712 {
    using BitMaps for BitMaps.BitMap;

    bytes32 private constant WITHDRAWAL_TYPE = keccak256(
        "Withdrawal(address account,uint224 recordingId,uint8 works,address token,uint8 slot,address to,uint256 nonce,uint64 deadline)"
    );

    IIPNFT public immutable titles;
    IDisputes public immutable disputes;
    ILicenseManager public immutable manager;
    /// @notice What the works' receiving addresses delegate to.
    Receiver public immutable receiver;

    mapping(uint224 work => mapping(address token => Account)) private _accounts;
    mapping(uint224 descendant => mapping(uint224 ancestor => mapping(address token => uint256))) private _moved;
    mapping(uint224 work => mapping(address token => mapping(uint8 slot => uint256))) private _drawn;
    mapping(address account => BitMaps.BitMap) private _nonces;

    /// @dev The receiving address that is being swept; native coin comes in from nobody else without a payment.
    address private transient _swept;

    constructor(
        IRoles roles_,
        IStemRegistry registry_,
        IIPNFT titles_,
        IDisputes disputes_,
        ILicenseManager manager_,
        address feeRecipient_,
        address[] memory tokens
    ) TokenLedger(roles_, feeRecipient_, tokens) Slots(registry_) EIP712("RoyaltySplitter", "1") {
        titles = titles_;
        disputes = disputes_;
        manager = manager_;
        receiver = new Receiver();
    }

    modifier onlyManager() {
        require(msg.sender == address(manager), NotLicenseManager(msg.sender));
        _;
    }

    // ------------------------------------------------------------------ money in

    /// @inheritdoc IRoyaltySplitter
    function pay(uint224 work, address token, uint256 amount, bytes32 paymentReference) external payable nonReentrant {
        _book(token, amount);
        _credit(work, token, msg.sender, amount, paymentReference);
        _bring(token, msg.sender, amount);
    }

    /// @inheritdoc IRoyaltySplitter
    function sweep(uint224 work, address token) external nonReentrant returns (uint256 amount) {
        address from = receiverOf(work);
        amount = Assets.balanceOf(token, from);
        _book(token, amount);
        _credit(work, token, from, amount, "");
        if (from.code.length == 0) {
            Create2.deploy(0, _saltOf(work), ReceiverCode.creationCode(address(receiver)));
            emit ReceiverCreated({workId: work, receiver: from});
        }
        uint256 before = Assets.balanceOf(token, address(this));
        _swept = from;
        Receiver(from).flush(token, amount);
        _swept = address(0);
        _checkGrowth(token, before, amount);
    }

    /// @dev Where the native coin of a swept receiver comes in.
    receive() external payable {
        require(msg.sender == _swept, WrongValue(msg.value, 0));
    }

    /// @inheritdoc IRoyaltySplitter
    function collect(
        address payer,
        uint224 work,
        address token,
        uint256 price,
        uint256 fee,
        bytes32 paymentReference
    ) external payable onlyManager nonReentrant {
        _creditPrice(payer, work, token, price, fee, paymentReference);
        _bring(token, payer, price);
    }

    /// @inheritdoc IRoyaltySplitter
    function collectWithAuthorization(
        address payer,
        uint224 work,
        address token,
        uint256 price,
        uint256 fee,
        bytes32 paymentReference,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external onlyManager nonReentrant {
        _creditPrice(payer, work, token, price, fee, paymentReference);
        uint256 before = Assets.balanceOf(token, address(this));
        IFiatToken(token).receiveWithAuthorization(
            payer, address(this), price, validAfter, validBefore, nonce, signature
        );
        _checkGrowth(token, before, price);
    }

    // ------------------------------------------------------------------ shares

    /// @inheritdoc IRoyaltySplitter
    function claim(uint224 descendant, uint224 ancestor, uint32 ppm, bytes32[] calldata proof, address token)
        external
        nonReentrant
        returns (uint256 amount)
    {
        return _claim(descendant, ancestor, ppm, proof, token);
    }

    /// @inheritdoc IRoyaltySplitter
    function claimMany(Claim[] calldata claims, address token) external nonReentrant returns (uint256 amount) {
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata c = claims[i];
            amount += _claim(c.descendant, c.ancestor, c.ppm, c.proof, token);
        }
    }

    /// @inheritdoc IRoyaltySplitter
    function settle(uint224 work, address token) external nonReentrant returns (uint256 amount) {
        return _settle(work, token);
    }

    /// @inheritdoc IRoyaltySplitter
    function settleMany(uint224[] calldata works, address token) external nonReentrant returns (uint256 amount) {
        for (uint256 i = 0; i < works.length; ++i) {
            amount += _settle(works[i], token);
        }
    }

    // ------------------------------------------------------------------ money out

    /// @inheritdoc IRoyaltySplitter
    function withdraw(uint224 work, address token, uint8 slot, address to)
        external
        nonReentrant
        returns (uint256 amount)
    {
        uint224 recordingId = WorkId.recordingOf(work);
        _checkFlag(recordingId);
        _checkOwner(work, slot, msg.sender);
        amount = _draw(work, token, slot, to);
        _payOutDrawn(recordingId, token, slot, to, amount);
    }

    /// @inheritdoc IRoyaltySplitter
    function withdrawMany(uint224 recordingId, uint8 works, address token, uint8 slot, address to)
        external
        nonReentrant
        returns (uint256 amount)
    {
        return _withdrawMany(msg.sender, recordingId, works, token, slot, to);
    }

    /// @inheritdoc IRoyaltySplitter
    function withdrawSigned(Withdrawal calldata withdrawal, bytes calldata signature)
        external
        nonReentrant
        returns (uint256 amount)
    {
        Withdrawal calldata w = withdrawal;
        require(block.timestamp <= w.deadline, DeadlinePassed(w.deadline, block.timestamp));
        bytes32 digest = withdrawalDigest(w);
        require(Signatures.isValid(w.account, digest, signature), InvalidSignature(w.account, digest));
        _useNonce(w.account, w.nonce);
        return _withdrawMany(w.account, w.recordingId, w.works, w.token, w.slot, w.to);
    }

    /// @inheritdoc IRoyaltySplitter
    function withdrawToPayout(uint224 recordingId, uint8 works, address token, uint8 slot)
        external
        nonReentrant
        returns (uint256 amount)
    {
        address owner = _ownerOf(recordingId | _lowestKind(works), slot);
        address payout = titles.presetPayoutOf(owner);
        require(payout != address(0), NoPayoutAddress(owner));
        return _withdrawMany(owner, recordingId, works, token, slot, payout);
    }

    /// @inheritdoc IRoyaltySplitter
    function cancelNonce(uint256 nonce) external {
        _useNonce(msg.sender, nonce);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IRoyaltySplitter
    function receiverOf(uint224 work) public view returns (address) {
        bytes memory code = ReceiverCode.creationCode(address(receiver));
        return Create2.computeAddress(_saltOf(work), keccak256(code));
    }

    /// @inheritdoc IRoyaltySplitter
    function accountOf(uint224 work, address token) external view returns (Account memory) {
        return _accounts[work][token];
    }

    /// @inheritdoc IRoyaltySplitter
    function movedOf(uint224 descendant, uint224 ancestor, address token) external view returns (uint256) {
        return _moved[descendant][ancestor][token];
    }

    /// @inheritdoc IRoyaltySplitter
    function drawnOf(uint224 work, address token, uint8 slot) public view returns (uint256) {
        return slot == TITLE ? _accounts[work][token].titleDrawn : _drawn[work][token][slot];
    }

    /// @inheritdoc IRoyaltySplitter
    function available(uint224 work, address token, uint8 slot) external view returns (uint256 amount) {
        uint32 ppm = _ppmOf(WorkId.recordingOf(work), slot);
        (amount,) = Ledger.due(_accounts[work][token].income, ppm, drawnOf(work, token, slot));
    }

    /// @inheritdoc IRoyaltySplitter
    function isNonceUsed(address account, uint256 nonce) external view returns (bool) {
        return _nonces[account].get(nonce);
    }

    /// @inheritdoc IRoyaltySplitter
    function withdrawalDigest(Withdrawal calldata withdrawal) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(WITHDRAWAL_TYPE, withdrawal)));
    }

    // ------------------------------------------------------------------ steps

    function _credit(uint224 work, address token, address payer, uint256 amount, bytes32 paymentReference) private {
        Account storage account = _accounts[work][token];
        uint128 before = account.received;
        // What was paid once exists, and will for ever.
        require(before != 0 || registry.exists(work), UnknownWork(work));
        uint128 received = before + uint128(amount); // booked, so it fits
        account.received = received;
        emit Paid({
            workId: work,
            token: token,
            payer: payer,
            amount: amount,
            received: received,
            paymentReference: paymentReference
        });
    }

    function _creditPrice(
        address payer,
        uint224 work,
        address token,
        uint256 price,
        uint256 fee,
        bytes32 paymentReference
    ) private {
        _book(token, price);
        if (fee != 0) _creditFee(token, work, fee);
        _credit(work, token, payer, price - fee, paymentReference);
    }

    function _claim(uint224 descendant, uint224 ancestor, uint32 ppm, bytes32[] calldata proof, address token)
        private
        returns (uint128 amount)
    {
        require(registry.isEntry(descendant, ancestor, ppm, proof), InvalidProof(descendant, ancestor, ppm));
        uint128 moved;
        (amount, moved) =
            Ledger.due(_accounts[descendant][token].received, ppm, _moved[descendant][ancestor][token]);
        if (amount == 0) return 0;
        _moved[descendant][ancestor][token] = moved;
        uint128 income = _raiseIncome(_accounts[ancestor][token], amount);
        emit Claimed({
            descendant: descendant,
            ancestor: ancestor,
            token: token,
            amount: amount,
            moved: moved,
            income: income
        });
    }

    function _settle(uint224 work, address token) private returns (uint128 amount) {
        uint32 ppm = Ledger.WHOLE_PPM - registry.stackOf(work);
        Account storage account = _accounts[work][token];
        uint128 moved;
        (amount, moved) = Ledger.due(account.received, ppm, account.ownMoved);
        if (amount == 0) return 0;
        account.ownMoved = moved;
        uint128 income = _raiseIncome(account, amount);
        emit Settled({workId: work, token: token, amount: amount, ownMoved: moved, income: income});
    }

    function _raiseIncome(Account storage account, uint128 amount) private returns (uint128 income) {
        income = account.income + amount;
        account.income = income;
    }

    function _withdrawMany(
        address account,
        uint224 recordingId,
        uint8 works,
        address token,
        uint8 slot,
        address to
    ) private returns (uint256 amount) {
        require(works != 0, NoWorks());
        require(WorkId.kindOf(recordingId) == 0 && works >> (WorkId.LAST_KIND + 1) == 0, UnknownWork(recordingId));
        _checkFlag(recordingId);
        for (uint8 kind = 0; kind <= WorkId.LAST_KIND; ++kind) {
            if (works & (1 << kind) == 0) continue;
            uint224 work = recordingId | kind;
            _checkOwner(work, slot, account);
            amount += _draw(work, token, slot, to);
        }
        _payOutDrawn(recordingId, token, slot, to, amount);
    }

    function _draw(uint224 work, address token, uint8 slot, address to) private returns (uint128 amount) {
        uint32 ppm = _ppmOf(WorkId.recordingOf(work), slot);
        Account storage account = _accounts[work][token];
        uint128 drawn;
        if (slot == TITLE) {
            (amount, drawn) = Ledger.due(account.income, ppm, account.titleDrawn);
            account.titleDrawn = drawn;
        } else {
            mapping(uint8 => uint256) storage slots = _drawn[work][token];
            (amount, drawn) = Ledger.due(account.income, ppm, slots[slot]);
            slots[slot] = drawn;
        }
        if (amount == 0) return 0;
        emit Withdrawn({workId: work, token: token, to: to, slot: slot, amount: amount, drawn: drawn});
    }

    function _payOutDrawn(uint224 recordingId, address token, uint8 slot, address to, uint256 amount) private {
        require(amount != 0, NothingToWithdraw(recordingId, token, slot));
        _payOut(token, to, amount);
    }

    function _useNonce(address account, uint256 nonce) private {
        require(!_nonces[account].get(nonce), NonceAlreadyUsed(account, nonce));
        _nonces[account].set(nonce);
        emit NonceUsed(account, nonce);
    }

    // ------------------------------------------------------------------ checks

    function _checkFlag(uint224 recordingId) private view {
        require(!disputes.isFlagged(recordingId), RecordingFlagged(recordingId));
    }

    function _checkOwner(uint224 work, uint8 slot, address account) private view {
        address owner = _ownerOf(work, slot);
        require(account == owner, NotSlotOwner(work, slot, account, owner));
    }

    function _ownerOf(uint224 work, uint8 slot) private view returns (address) {
        return slot == TITLE ? titles.rightsHolder(work) : _slotOwner(WorkId.recordingOf(work), slot);
    }

    /// @return kind Of the lowest bit.
    function _lowestKind(uint8 works) private pure returns (uint8 kind) {
        require(works != 0, NoWorks());
        while (works & (1 << kind) == 0) ++kind;
    }

    function _saltOf(uint224 work) private pure returns (bytes32) {
        return bytes32(uint256(work));
    }
}
