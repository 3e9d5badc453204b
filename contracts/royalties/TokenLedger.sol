// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IRoles} from "../interfaces/IRoles.sol";
import {IRoyaltySplitter} from "../interfaces/IRoyaltySplitter.sol";
import {Assets} from "../libraries/Assets.sol";
import {Ledger} from "../libraries/Ledger.sol";

/// @title The splitter's books per token: which are accepted, what came in, what went out, and the protocol's fees.
/// @notice The only place where money moves. Liabilities are what came in less what went out.
abstract contract TokenLedger is IRoyaltySplitter, ReentrancyGuardTransient {
    /// @param paidIn Sum of all `received` and fees.
    /// @param paidOut Sum of all withdrawals.
    /// @param accepted Whether new payments may come.
    struct Token {
        uint120 paidIn;
        uint120 paidOut;
        bool accepted;
    }

    struct Fees {
        uint128 credited;
        uint128 drawn;
    }

    IRoles public immutable roles;

    /// @inheritdoc IRoyaltySplitter
    address public feeRecipient;

    mapping(address token => Token) private _tokens;
    mapping(address token => Fees) private _fees;

    constructor(IRoles roles_, address feeRecipient_, address[] memory tokens) {
        roles = roles_;
        _setFeeRecipient(feeRecipient_);
        for (uint256 i = 0; i < tokens.length; ++i) {
            _accept(tokens[i]);
        }
    }

    modifier onlyTimelock() {
        require(msg.sender == address(roles), NotTimelock(msg.sender));
        _;
    }

    // ------------------------------------------------------------------ rules

    /// @inheritdoc IRoyaltySplitter
    function acceptToken(address token) external onlyTimelock {
        _accept(token);
    }

    /// @inheritdoc IRoyaltySplitter
    function stopToken(address token) external {
        require(roles.isGuardian(msg.sender) || msg.sender == address(roles), NotGuardian(msg.sender));
        require(_tokens[token].accepted, TokenNotAccepted(token));
        _tokens[token].accepted = false;
        emit TokenStopped(token);
    }

    /// @inheritdoc IRoyaltySplitter
    function setFeeRecipient(address recipient) external onlyTimelock {
        _setFeeRecipient(recipient);
    }

    /// @inheritdoc IRoyaltySplitter
    function withdrawFees(address token, address to) external nonReentrant returns (uint256 amount) {
        require(msg.sender == feeRecipient, NotFeeRecipient(msg.sender));
        Fees storage fees = _fees[token];
        uint128 credited = fees.credited;
        amount = credited - fees.drawn;
        require(amount != 0, ZeroAmount());
        fees.drawn = credited;
        emit FeesWithdrawn({token: token, to: to, amount: amount, drawn: credited});
        _payOut(token, to, amount);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IRoyaltySplitter
    function liabilitiesOf(address token) public view returns (uint256) {
        return _tokens[token].paidIn - _tokens[token].paidOut;
    }

    /// @inheritdoc IRoyaltySplitter
    function surplusOf(address token) external view returns (uint256) {
        return Math.saturatingSub(Assets.balanceOf(token, address(this)), liabilitiesOf(token));
    }

    /// @inheritdoc IRoyaltySplitter
    function feesOf(address token) external view returns (uint256 credited, uint256 drawn) {
        return (_fees[token].credited, _fees[token].drawn);
    }

    /// @inheritdoc IRoyaltySplitter
    function isAccepted(address token) external view returns (bool) {
        return _tokens[token].accepted;
    }

    // ------------------------------------------------------------------ money in

    /// @dev Books `amount` as paid in. Whoever books it must bring it: see `_bring` and `_checkGrowth`.
    function _book(address token, uint256 amount) internal {
        require(amount != 0, ZeroAmount());
        Token storage entry = _tokens[token];
        require(entry.accepted, TokenNotAccepted(token));
        uint256 paidIn = amount <= Ledger.MAX_TOTAL ? entry.paidIn + amount : amount;
        require(paidIn <= Ledger.MAX_TOTAL, AmountTooLarge(amount));
        entry.paidIn = uint120(paidIn);
    }

    /// @dev Native coin must have come along, to the unit; a token is taken by the payer's allowance.
    function _bring(address token, address payer, uint256 amount) internal {
        uint256 expected = token == Assets.NATIVE ? amount : 0;
        require(msg.value == expected, WrongValue(msg.value, expected));
        if (token == Assets.NATIVE) return;
        uint256 before = Assets.balanceOf(token, address(this));
        SafeERC20.safeTransferFrom(IERC20(token), payer, address(this), amount);
        _checkGrowth(token, before, amount);
    }

    function _checkGrowth(address token, uint256 before, uint256 amount) internal view {
        uint256 grew = Math.saturatingSub(Assets.balanceOf(token, address(this)), before);
        require(grew == amount, BalanceMismatch(token, grew, amount));
    }

    function _creditFee(address token, uint224 work, uint256 amount) internal {
        uint128 credited = _fees[token].credited + uint128(amount); // booked, so it fits
        _fees[token].credited = credited;
        emit FeeCredited({token: token, workId: work, amount: amount, fees: credited});
    }

    // ------------------------------------------------------------------ money out

    /// @dev What leaves is not measured: a token that took more from the sender than it was told must not be accepted.
    function _payOut(address token, address to, uint256 amount) internal {
        require(to != address(0), ZeroAddress());
        require(to != address(this), TransferFailed(token, to, amount));
        _tokens[token].paidOut += uint120(amount); // at most paidIn, so it fits
        Assets.send(token, to, amount);
    }

    // ------------------------------------------------------------------ internal

    function _accept(address token) private {
        _tokens[token].accepted = true;
        emit TokenAccepted(token);
    }

    function _setFeeRecipient(address recipient) private {
        require(recipient != address(0), ZeroAddress());
        feeRecipient = recipient;
        emit FeeRecipientChanged(recipient);
    }
}
