// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A wallet for development: a contract account whose owner's key signs for it (ERC-1271).
contract ContractWallet is IERC1271, ERC721Holder {
    error NotOwner(address caller);

    address public immutable owner;

    /// @notice A wallet made unready refuses every signature until `prepare`, as accounts awaiting a migration do.
    bool public ready;

    constructor(address owner_, bool ready_) {
        owner = owner_;
        ready = ready_;
    }

    function prepare() external {
        ready = true;
    }

    /// @notice Calls another contract as this account.
    function execute(address target, bytes calldata data) external returns (bytes memory) {
        require(msg.sender == owner, NotOwner(msg.sender));
        (bool done, bytes memory result) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        return result;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes memory signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        return ready && signer == owner ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
