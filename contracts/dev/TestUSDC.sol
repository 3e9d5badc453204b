// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/interfaces/IERC20Metadata.sol";
import {IERC2612} from "@openzeppelin/contracts/interfaces/IERC2612.sol";
import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IFiatToken} from "../interfaces/IFiatToken.sol";

/// @title A dollar for development chains which behaves as USDC does (FiatToken version 2.2), but that anyone may mint.
/// @notice ERC-20 with six decimals, EIP-2612 and EIP-3009 (both forms of each signature: v, r, s and bytes), and a
/// blacklist whose bit lies in the balance's word. An account with code is asked by ERC-1271 and never by ECDSA, as
/// USDC does. USDC's pause, minters and proxy are left out.
contract TestUSDC is IFiatToken, IERC20Metadata, IERC2612, IERC3009, IERC3009Cancel, EIP712 {
    string public constant name = "Test USDC";
    string public constant symbol = "USDC";
    string public constant version = "2";
    uint8 public constant decimals = 6;

    bytes32 public constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH =
        keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    uint256 private constant BLACKLISTED = 1 << 255;

    event Blacklisted(address indexed account);
    event UnBlacklisted(address indexed account);

    error NotBlacklister(address caller);
    error AccountBlacklisted(address account);
    error ZeroAddress();
    error BalanceTooLow(address account, uint256 balance, uint256 needed);
    error AllowanceTooLow(address owner, address spender, uint256 allowed, uint256 needed);
    error BalanceTooHigh(address account);
    error PermitExpired(uint256 deadline);
    error InvalidSignature(address account);
    error CallerIsNotPayee(address caller, address payee);
    error AuthorizationNotYetValid(uint256 validAfter);
    error AuthorizationExpired(uint256 validBefore);
    error AuthorizationUsedOrCanceled(address authorizer, bytes32 nonce);

    address public immutable blacklister;

    uint256 public totalSupply;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address owner => uint256) public nonces;
    mapping(address authorizer => mapping(bytes32 nonce => bool)) public authorizationState;
    /// @dev The highest bit is the blacklist's, the others are the balance.
    mapping(address account => uint256) private _balances;

    constructor(address blacklister_) EIP712(name, version) {
        blacklister = blacklister_;
    }

    modifier notBlacklisted(address account) {
        require(!isBlacklisted(account), AccountBlacklisted(account));
        _;
    }

    // ------------------------------------------------------------------ development

    /// @notice Makes money. Anyone may: this token is for development chains.
    function mint(address to, uint256 amount) external {
        require(to != address(0), ZeroAddress());
        totalSupply += amount;
        _credit(to, amount);
        emit Transfer(address(0), to, amount);
    }

    function blacklist(address account) external {
        require(msg.sender == blacklister, NotBlacklister(msg.sender));
        _balances[account] |= BLACKLISTED;
        emit Blacklisted(account);
    }

    function unBlacklist(address account) external {
        require(msg.sender == blacklister, NotBlacklister(msg.sender));
        _balances[account] &= ~BLACKLISTED;
        emit UnBlacklisted(account);
    }

    function isBlacklisted(address account) public view returns (bool) {
        return _balances[account] & BLACKLISTED != 0;
    }

    // ------------------------------------------------------------------ ERC-20

    function balanceOf(address account) public view returns (uint256) {
        return _balances[account] & ~BLACKLISTED;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _transfer(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external notBlacklisted(msg.sender) returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        require(amount <= allowed, AllowanceTooLow(from, msg.sender, allowed, amount));
        unchecked {
            allowance[from][msg.sender] = allowed - amount; // an unlimited one is used up like any other
        }
        _transfer(from, to, amount);
        return true;
    }

    function approve(address spender, uint256 amount) external notBlacklisted(msg.sender) returns (bool) {
        _approve(msg.sender, spender, amount);
        return true;
    }

    // ------------------------------------------------------------------ EIP-2612

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        permit(owner, spender, value, deadline, abi.encodePacked(r, s, v));
    }

    /// @param deadline Last second; the highest number means never.
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature)
        public
        notBlacklisted(owner)
    {
        require(block.timestamp <= deadline, PermitExpired(deadline));
        _checkSignature(
            owner, keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonces[owner]++, deadline)), signature
        );
        _approve(owner, spender, value);
    }

    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    // ------------------------------------------------------------------ EIP-3009

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        transferWithAuthorization(from, to, value, validAfter, validBefore, nonce, abi.encodePacked(r, s, v));
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) public {
        _checkTimes(validAfter, validBefore);
        _useAuthorization(from, nonce);
        bytes32 typeHash = TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
        _checkSignature(
            from, keccak256(abi.encode(typeHash, from, to, value, validAfter, validBefore, nonce)), signature
        );
        emit AuthorizationUsed(from, nonce);
        _transfer(from, to, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        receiveWithAuthorization(from, to, value, validAfter, validBefore, nonce, abi.encodePacked(r, s, v));
    }

    /// @inheritdoc IFiatToken
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) public {
        require(to == msg.sender, CallerIsNotPayee(msg.sender, to));
        _checkTimes(validAfter, validBefore);
        _useAuthorization(from, nonce);
        bytes32 typeHash = RECEIVE_WITH_AUTHORIZATION_TYPEHASH;
        _checkSignature(
            from, keccak256(abi.encode(typeHash, from, to, value, validAfter, validBefore, nonce)), signature
        );
        emit AuthorizationUsed(from, nonce);
        _transfer(from, to, value);
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        cancelAuthorization(authorizer, nonce, abi.encodePacked(r, s, v));
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, bytes memory signature) public {
        _useAuthorization(authorizer, nonce);
        _checkSignature(authorizer, keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), signature);
        emit AuthorizationCanceled(authorizer, nonce);
    }

    // ------------------------------------------------------------------ internal

    function _transfer(address from, address to, uint256 amount) private {
        require(to != address(0), ZeroAddress());
        uint256 balance = _balances[from];
        require(balance < BLACKLISTED, AccountBlacklisted(from));
        require(amount <= balance, BalanceTooLow(from, balance, amount));
        unchecked {
            _balances[from] = balance - amount;
        }
        _credit(to, amount);
        emit Transfer(from, to, amount);
    }

    function _credit(address account, uint256 amount) private {
        uint256 balance = _balances[account];
        require(balance < BLACKLISTED, AccountBlacklisted(account));
        require(amount < BLACKLISTED - balance, BalanceTooHigh(account));
        unchecked {
            _balances[account] = balance + amount;
        }
    }

    function _approve(address owner, address spender, uint256 amount) private notBlacklisted(spender) {
        require(spender != address(0), ZeroAddress());
        allowance[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    function _checkTimes(uint256 validAfter, uint256 validBefore) private view {
        require(block.timestamp > validAfter, AuthorizationNotYetValid(validAfter));
        require(block.timestamp < validBefore, AuthorizationExpired(validBefore));
    }

    function _useAuthorization(address authorizer, bytes32 nonce) private {
        require(!authorizationState[authorizer][nonce], AuthorizationUsedOrCanceled(authorizer, nonce));
        authorizationState[authorizer][nonce] = true;
    }

    function _checkSignature(address account, bytes32 structHash, bytes memory signature) private view {
        require(
            SignatureChecker.isValidSignatureNow(account, _hashTypedDataV4(structHash), signature),
            InvalidSignature(account)
        );
    }
}
