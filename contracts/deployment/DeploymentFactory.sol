// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Creates the house's contracts at addresses which depend on nothing but this factory's own address.
/// @notice The factory itself sits at a CREATE2 address, so the contracts, which know each other by constructor
/// arguments, have the same addresses on every chain. An address does not bind code: compare code hashes as well.
contract DeploymentFactory {
    event Created(uint256 indexed n, address indexed at, bytes32 codeHash);

    error NotDeployer(address caller, address deployer);
    error OutOfTurn(uint256 given, uint256 expected);
    error CreationFailed(uint256 n);

    address public immutable deployer;

    /// @notice How many contracts have been created; the next one has this number plus one.
    uint256 public created;

    constructor(address deployer_) {
        deployer = deployer_;
    }

    /// @notice Creates the n-th contract. n equals the account nonce that its address is derived from, and failed
    /// creations do not count because they revert whole.
    function create(uint256 n, bytes calldata initCode) external returns (address at) {
        require(msg.sender == deployer, NotDeployer(msg.sender, deployer));
        require(n == created + 1, OutOfTurn(n, created + 1));
        created = n;
        bytes memory code = initCode;
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
            if and(iszero(at), gt(returndatasize(), 0)) {
                let reason := mload(0x40)
                returndatacopy(reason, 0, returndatasize())
                revert(reason, returndatasize())
            }
        }
        // An address without code would have used its number up for nothing.
        require(at.code.length != 0, CreationFailed(n));
        emit Created(n, at, at.codehash);
    }
}
