// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ILicenseManager} from "./ILicenseManager.sol";

/// @title Budgets that the chain enforces: an agent may buy licenses for the owner under caps, and nothing else.
/// @notice Money of a (owner, token) lies here until the owner takes it back, at any moment; sessions draw on it. All caps
/// count gross prices, in base units. Signed messages: EIP-712 domain {name "SessionVault", version "1", chainId,
/// contract}. A session is passed whole with each call and named by the hash of its content.
interface ISessionVault {
    /// @notice What an owner allows an agent.
    /// @param token Zero: native.
    /// @param cap Of all purchases together, below 2^96; perLicenseCap of each; perPeriodCap of those in one window.
    /// @param period Length of a window in seconds; windows begin at multiples of it since 1970, so twice a period's cap
    /// may fall around a boundary. Zero: no windows, and perPeriodCap must be zero.
    /// @param kinds Bit k allows ILicenses.Kind k.
    /// @param expiry Last second.
    struct Session {
        address owner;
        address agent;
        address token;
        uint128 cap;
        uint128 perLicenseCap;
        uint128 perPeriodCap;
        uint64 period;
        uint8 kinds;
        uint64 expiry;
        uint256 salt;
    }

    /// @notice What the chain keeps of a session.
    /// @param window Number of the window in which it last bought: time / period.
    struct State {
        bool open;
        bool closed;
        uint128 spent;
        uint64 window;
        uint128 windowSpent;
    }

    /// @notice The agent's signed order. Used once: by the license's existence.
    struct AgentOrder {
        bytes32 sessionId;
        ILicenseManager.Purchase purchase;
        uint128 maxPrice;
        uint64 deadline;
    }

    event Deposited(address indexed owner, address indexed token, address indexed payer, uint256 amount, uint256 balance);
    event VaultWithdrawn(
        address indexed owner, address indexed token, address indexed to, uint256 amount, uint256 balance
    );
    event SessionOpened(
        bytes32 indexed sessionId,
        address indexed owner,
        address indexed agent,
        address token,
        uint128 cap,
        uint128 perLicenseCap,
        uint128 perPeriodCap,
        uint64 period,
        uint8 kinds,
        uint64 expiry,
        uint256 salt
    );
    event SessionClosed(bytes32 indexed sessionId, address indexed owner, uint256 spent);
    event SessionPurchased(
        bytes32 indexed sessionId,
        uint256 indexed licenseId,
        uint224 indexed workId,
        uint256 price,
        uint256 spent,
        uint64 window,
        uint256 windowSpent,
        uint256 balance
    );

    error UnknownSession(bytes32 sessionId);
    error SessionExists(bytes32 sessionId);
    error SessionIsClosed(bytes32 sessionId);
    error SessionExpired(bytes32 sessionId, uint64 expiry);
    error InvalidSession(string field);
    error NotOwner(address caller, address owner);
    error NotAgent(address caller, address agent);
    error NotForOwner(address licensee, address owner);
    error KindNotAllowed(uint8 kind, uint8 kinds);
    error WrongToken(address token, address expected);
    error OverLicenseCap(uint256 price, uint256 cap);
    error OverPeriodCap(uint256 windowSpent, uint256 cap);
    error OverSessionCap(uint256 spent, uint256 cap);
    error OverBalance(uint256 price, uint256 balance);
    error PriceTooHigh(uint256 price, uint256 maxPrice);
    error TokenNotAccepted(address token);
    error InvalidSignature(address account, bytes32 digest);
    error DeadlinePassed(uint64 deadline, uint256 time);
    error WrongValue(uint256 given, uint256 expected);
    error BalanceMismatch(address token, uint256 grew, uint256 expected);
    error TransferFailed(address token, address to, uint256 amount);
    error WrongSession(bytes32 given, bytes32 ordered);
    error ZeroAmount();
    error ZeroAddress();

    /// @notice Puts the caller's money into `owner`'s balance.
    function deposit(address owner, address token, uint256 amount) external payable;

    /// @notice Takes the caller's own money back; at any moment, sessions open or not.
    function withdraw(address token, uint256 amount, address to) external;

    /// @notice Opens a session: the owner sends it, or has signed it. A session opens once, ever.
    /// Native or ERC-20 value sent along by `deposit` beforehand, or with the value of this call.
    function open(Session calldata session, bytes calldata ownerSignature) external payable returns (bytes32 sessionId);

    /// @notice Deposits and opens by one signature: an EIP-3009 authorization of the owner to this contract over `amount`,
    /// whose nonce is the session's id.
    function openWithAuthorization(
        Session calldata session,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes calldata signature
    ) external returns (bytes32 sessionId);

    /// @notice Ends a session, at once. Its owner only; one that was never opened can never be opened afterwards.
    function close(Session calldata session) external;

    /// @notice The agent buys a license for the owner, by offer or (offer all zero) at the attached price.
    function buy(
        Session calldata session,
        ILicenseManager.Purchase calldata purchase,
        ILicenseManager.SignedOffer calldata offer,
        uint256 maxPrice
    ) external returns (uint256 licenseId);

    /// @notice The same, sent by anyone, by the agent's signature (ECDSA or ERC-1271).
    function buyWithOrder(
        Session calldata session,
        AgentOrder calldata order,
        bytes calldata agentSignature,
        ILicenseManager.SignedOffer calldata offer
    ) external returns (uint256 licenseId);

    function balanceOf(address owner, address token) external view returns (uint256);

    function sessionIdOf(Session calldata session) external view returns (bytes32);

    function stateOf(bytes32 sessionId) external view returns (State memory);

    function orderDigest(AgentOrder calldata order) external view returns (bytes32);
}
