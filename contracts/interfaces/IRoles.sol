// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

/// @title Who may do what in the house: roles that are granted after 48 hours and revoked at once.
/// @notice The contract is also the timelock (OpenZeppelin's TimelockController, whose delay cannot be changed): what
/// the admin wants to grant, raise or allow is scheduled here, waits 48 hours in the open, and may be cancelled by the
/// guardian meanwhile. Other contracts take orders that grant something from this contract's address only.
interface IRoles is IAccessControl {
    error DelayIsFixed();
    error NotGuardian(address caller);
    error NotAdmin(address caller);
    error ZeroAddress();

    /// @notice Ends an account's right to attest, at once. Only the guardian or the admin.
    /// What it attested stays, and stays identifiable.
    function revokeAttestor(address account) external;

    /// @notice Ends an account's right to flag, at once. Only the admin.
    function revokeArbiter(address account) external;

    function isAttestor(address account) external view returns (bool);

    function isArbiter(address account) external view returns (bool);

    /// @notice The guardian cancels what waits in the timelock, revokes attestors, lowers the fee and stops new
    /// payments in a token; it can grant nothing.
    function isGuardian(address account) external view returns (bool);

    /// @notice The admin schedules and executes.
    function isAdmin(address account) external view returns (bool);
}
