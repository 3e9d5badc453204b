// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @dev The cheat codes of forge and halmos that the tests here use.
interface Cheats {
    function assume(bool condition) external pure;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function warp(uint256 time) external;
    function roll(uint256 block_) external;
    function deal(address account, uint256 balance) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function getNonce(address account) external view returns (uint64);
}

/// @title As much of a test base as is needed here: forge and halmos go by names and by these constants.
abstract contract Base {
    bool public constant IS_TEST = true;
    Cheats internal constant CHEATS = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    address[] private _targets;

    /// @notice What an invariant test calls at random.
    function targetContracts() external view returns (address[] memory) {
        return _targets;
    }

    function target(address contract_) internal {
        _targets.push(contract_);
    }

    /// @dev A number of a range, both ends included.
    function within(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + value % (most - least + 1);
    }
}
