// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {IRoles} from "./interfaces/IRoles.sol";

/// @title Roles and the timelock in which whatever grants something waits, see IRoles.
/// @notice The admin is TimelockController's proposer and executor, the guardian its canceller. Who proposes does not
/// cancel: nothing runs without the admin, so it need not. Every role is administered by the timelock itself.
contract Roles is IRoles, TimelockController {
    bytes32 public constant ATTESTOR_ROLE = keccak256("ATTESTOR_ROLE");
    bytes32 public constant ARBITER_ROLE = keccak256("ARBITER_ROLE");

    uint256 private constant DELAY = 48 hours;

    constructor(address admin, address guardian, address[] memory attestors, address[] memory arbiters)
        TimelockController(DELAY, _only(admin), _only(admin), address(0))
    {
        _revokeRole(CANCELLER_ROLE, admin);
        _grantRole(CANCELLER_ROLE, guardian);
        _grantAll(ATTESTOR_ROLE, attestors);
        _grantAll(ARBITER_ROLE, arbiters);
    }

    /// @inheritdoc IRoles
    function revokeAttestor(address account) external {
        require(isGuardian(msg.sender) || isAdmin(msg.sender), NotGuardian(msg.sender));
        _revokeRole(ATTESTOR_ROLE, account);
    }

    /// @inheritdoc IRoles
    function revokeArbiter(address account) external {
        require(isAdmin(msg.sender), NotAdmin(msg.sender));
        _revokeRole(ARBITER_ROLE, account);
    }

    /// @notice The delay cannot be changed, not even after waiting for it.
    function updateDelay(uint256) public pure override {
        revert DelayIsFixed();
    }

    /// @inheritdoc IRoles
    function isAttestor(address account) external view returns (bool) {
        return hasRole(ATTESTOR_ROLE, account);
    }

    /// @inheritdoc IRoles
    function isArbiter(address account) external view returns (bool) {
        return hasRole(ARBITER_ROLE, account);
    }

    /// @inheritdoc IRoles
    function isGuardian(address account) public view returns (bool) {
        return hasRole(CANCELLER_ROLE, account);
    }

    /// @inheritdoc IRoles
    function isAdmin(address account) public view returns (bool) {
        return hasRole(PROPOSER_ROLE, account);
    }

    // Zero would be everyone as the timelock's executor, and every malformed signature's signer as an attestor.
    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        require(account != address(0), ZeroAddress());
        return super._grantRole(role, account);
    }

    function _grantAll(bytes32 role, address[] memory accounts) private {
        for (uint256 i = 0; i < accounts.length; ++i) {
            _grantRole(role, accounts[i]);
        }
    }

    function _only(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
