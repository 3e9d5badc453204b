// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IFiatToken} from "./interfaces/IFiatToken.sol";
import {ILicenseManager} from "./interfaces/ILicenseManager.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IRoyaltySplitter} from "./interfaces/IRoyaltySplitter.sol";
import {ISessionVault} from "./interfaces/ISessionVault.sol";
import {Assets} from "./libraries/Assets.sol";
import {SessionMessages} from "./libraries/SessionMessages.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Budgets of agents, see ISessionVault.
/// @dev Money leaves by two calls: `withdraw`, by its owner, and `manager.buy`, whose licensee is its owner.
contract SessionVault is ISessionVault, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev State in one word: caps fit 96 bits, see `_checkSession`, and windows are counted in periods since 1970.
    struct PackedState {
        bool open;
        bool closed;
        uint40 window;
        uint96 spent;
        uint96 windowSpent;
    }

    uint8 private constant ALL_KINDS = uint8((1 << (uint8(type(ILicenses.Kind).max) + 1)) - 1);

    ILicenseManager public immutable manager;
    IRoyaltySplitter public immutable splitter;

    mapping(address owner => mapping(address token => uint256)) private _balances;
    mapping(bytes32 sessionId => PackedState) private _states;

    constructor(ILicenseManager manager_, IRoyaltySplitter splitter_) EIP712("SessionVault", "1") {
        manager = manager_;
        splitter = splitter_;
    }

    // ------------------------------------------------------------------ money

    /// @inheritdoc ISessionVault
    function deposit(address owner, address token, uint256 amount) external payable nonReentrant {
        require(owner != address(0), ZeroAddress());
        _checkDeposit(token, amount);
        uint256 value = token == Assets.NATIVE ? amount : 0;
        require(msg.value == value, WrongValue(msg.value, value));
        if (token != Assets.NATIVE) {
            uint256 before = IERC20(token).balanceOf(address(this));
            IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
            _checkGrowth(token, before, amount);
        }
        _credit(owner, token, amount);
    }

    /// @inheritdoc ISessionVault
    function withdraw(address token, uint256 amount, address to) external nonReentrant {
        require(to != address(0), ZeroAddress());
        require(to != address(this), TransferFailed(token, to, amount)); // it would be nobody's here
        require(amount != 0, ZeroAmount());
        uint256 balance = _debit(msg.sender, token, amount);
        emit VaultWithdrawn(msg.sender, token, to, amount, balance);
        Assets.send(token, to, amount);
    }

    // ------------------------------------------------------------------ sessions

    /// @inheritdoc ISessionVault
    function open(Session calldata session, bytes calldata ownerSignature)
        external
        payable
        nonReentrant
        returns (bytes32 sessionId)
    {
        sessionId = sessionIdOf(session);
        if (msg.sender != session.owner) _checkSignature(session.owner, sessionId, ownerSignature);
        if (msg.value != 0) {
            require(session.token == Assets.NATIVE, WrongValue(msg.value, 0));
            _checkDeposit(Assets.NATIVE, msg.value);
            _credit(session.owner, Assets.NATIVE, msg.value);
        }
        _open(session, sessionId);
    }

    /// @inheritdoc ISessionVault
    function openWithAuthorization(
        Session calldata session,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external nonReentrant returns (bytes32 sessionId) {
        sessionId = sessionIdOf(session);
        address token = session.token;
        // The token's check of the authorization is the only check of the owner's will: it must be a token that is known
        // to make it, and the money must really come.
        _checkDeposit(token, amount);
        require(token != Assets.NATIVE, TokenNotAccepted(token));
        uint256 before = IERC20(token).balanceOf(address(this));
        IFiatToken(token).receiveWithAuthorization(
            session.owner, address(this), amount, validAfter, validBefore, sessionId, signature
        );
        _checkGrowth(token, before, amount);
        _credit(session.owner, token, amount);
        _open(session, sessionId);
    }

    /// @inheritdoc ISessionVault
    function close(Session calldata session) external {
        require(msg.sender == session.owner, NotOwner(msg.sender, session.owner));
        bytes32 sessionId = sessionIdOf(session);
        PackedState storage state = _states[sessionId];
        require(!state.closed, SessionIsClosed(sessionId));
        (state.open, state.closed) = (false, true);
        emit SessionClosed(sessionId, session.owner, state.spent);
    }

    // ------------------------------------------------------------------ purchases

    /// @inheritdoc ISessionVault
    function buy(
        Session calldata session,
        ILicenseManager.Purchase calldata purchase,
        ILicenseManager.SignedOffer calldata offer,
        uint256 maxPrice
    ) external nonReentrant returns (uint256 licenseId) {
        require(msg.sender == session.agent, NotAgent(msg.sender, session.agent));
        return _buy(session, sessionIdOf(session), purchase, offer, maxPrice);
    }

    /// @inheritdoc ISessionVault
    function buyWithOrder(
        Session calldata session,
        AgentOrder calldata order,
        bytes calldata agentSignature,
        ILicenseManager.SignedOffer calldata offer
    ) external nonReentrant returns (uint256 licenseId) {
        bytes32 sessionId = sessionIdOf(session);
        require(sessionId == order.sessionId, WrongSession(sessionId, order.sessionId));
        require(block.timestamp <= order.deadline, DeadlinePassed(order.deadline, block.timestamp));
        _checkSignature(session.agent, orderDigest(order), agentSignature);
        return _buy(session, sessionId, order.purchase, offer, order.maxPrice);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ISessionVault
    function balanceOf(address owner, address token) external view returns (uint256) {
        return _balances[owner][token];
    }

    /// @inheritdoc ISessionVault
    function sessionIdOf(Session calldata session) public view returns (bytes32) {
        return _hashTypedDataV4(SessionMessages.hash(session));
    }

    /// @inheritdoc ISessionVault
    function stateOf(bytes32 sessionId) external view returns (State memory) {
        PackedState memory state = _states[sessionId];
        return State({
            open: state.open,
            closed: state.closed,
            spent: state.spent,
            window: state.window,
            windowSpent: state.windowSpent
        });
    }

    /// @inheritdoc ISessionVault
    function orderDigest(AgentOrder calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(SessionMessages.hash(order));
    }

    // ------------------------------------------------------------------ internal

    function _open(Session calldata session, bytes32 sessionId) private {
        _checkSession(session, sessionId);
        PackedState storage state = _states[sessionId];
        require(!state.closed, SessionIsClosed(sessionId));
        require(!state.open, SessionExists(sessionId));
        state.open = true;
        emit SessionOpened({
            sessionId: sessionId,
            owner: session.owner,
            agent: session.agent,
            token: session.token,
            cap: session.cap,
            perLicenseCap: session.perLicenseCap,
            perPeriodCap: session.perPeriodCap,
            period: session.period,
            kinds: session.kinds,
            expiry: session.expiry,
            salt: session.salt
        });
    }

    function _checkSession(Session calldata session, bytes32 sessionId) private view {
        require(session.owner != address(0), InvalidSession("owner"));
        require(session.agent != address(0), InvalidSession("agent"));
        require(session.cap != 0 && session.cap <= type(uint96).max, InvalidSession("cap"));
        require(session.period != 0 || session.perPeriodCap == 0, InvalidSession("perPeriodCap"));
        require(session.kinds != 0 && session.kinds <= ALL_KINDS, InvalidSession("kinds"));
        require(block.timestamp <= session.expiry, SessionExpired(sessionId, session.expiry));
    }

    /// @dev The price is what the manager will take, since both read it in this transaction; it takes no more in any case.
    function _buy(
        Session calldata session,
        bytes32 sessionId,
        ILicenseManager.Purchase calldata purchase,
        ILicenseManager.SignedOffer calldata offer,
        uint256 maxPrice
    ) private returns (uint256 licenseId) {
        require(
            purchase.licensee == session.owner, NotForOwner(purchase.licensee, session.owner)
        );
        (ILicenses.Kind kind, address token, uint256 price) = manager.askOf(purchase, offer);
        require((session.kinds >> uint8(kind)) & 1 != 0, KindNotAllowed(uint8(kind), session.kinds));
        require(token == session.token, WrongToken(token, session.token));
        require(price <= maxPrice, PriceTooHigh(price, maxPrice));
        PackedState memory state = _spend(session, sessionId, price);
        uint256 balance = _debit(session.owner, token, price);
        licenseId = manager.buy{value: token == Assets.NATIVE ? price : 0}(purchase, offer, price);
        emit SessionPurchased({
            sessionId: sessionId,
            licenseId: licenseId,
            workId: purchase.work,
            price: price,
            spent: state.spent,
            window: state.window,
            windowSpent: state.windowSpent,
            balance: balance
        });
    }

    /// @dev No sum of prices that passes the caps is above `cap`, so it fits 96 bits.
    function _spend(Session calldata session, bytes32 sessionId, uint256 price)
        private
        returns (PackedState memory state)
    {
        state = _states[sessionId];
        require(!state.closed, SessionIsClosed(sessionId));
        require(state.open, UnknownSession(sessionId));
        require(block.timestamp <= session.expiry, SessionExpired(sessionId, session.expiry));
        require(price <= session.perLicenseCap, OverLicenseCap(price, session.perLicenseCap));
        uint256 spent = state.spent + price;
        require(spent <= session.cap, OverSessionCap(spent, session.cap));
        state.spent = uint96(spent);
        if (session.period != 0) {
            uint40 window = uint40(block.timestamp / session.period);
            uint256 windowSpent = window == state.window ? state.windowSpent + price : price;
            require(windowSpent <= session.perPeriodCap, OverPeriodCap(windowSpent, session.perPeriodCap));
            state.window = window;
            state.windowSpent = uint96(windowSpent);
        }
        _states[sessionId] = state;
    }

    function _checkDeposit(address token, uint256 amount) private view {
        require(amount != 0, ZeroAmount());
        require(splitter.isAccepted(token), TokenNotAccepted(token));
    }

    function _checkGrowth(address token, uint256 before, uint256 amount) private view {
        uint256 grew = IERC20(token).balanceOf(address(this)) - before;
        require(grew == amount, BalanceMismatch(token, grew, amount));
    }

    /// @dev The splitter may take this contract's tokens, but takes them only when this contract buys.
    function _credit(address owner, address token, uint256 amount) private {
        uint256 balance = _balances[owner][token] + amount;
        _balances[owner][token] = balance;
        emit Deposited(owner, token, msg.sender, amount, balance);
        if (token == Assets.NATIVE) return;
        if (IERC20(token).allowance(address(this), address(splitter)) < type(uint128).max) {
            IERC20(token).forceApprove(address(splitter), type(uint256).max);
        }
    }

    function _debit(address owner, address token, uint256 amount) private returns (uint256 balance) {
        balance = _balances[owner][token];
        require(amount <= balance, OverBalance(amount, balance));
        balance -= amount;
        _balances[owner][token] = balance;
    }

    function _checkSignature(address account, bytes32 digest, bytes calldata signature) private view {
        require(Signatures.isValid(account, digest, signature), InvalidSignature(account, digest));
    }
}
