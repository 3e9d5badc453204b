// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ContractWallet} from "./ContractWallet.sol";

/// @title Deploys wallets for development at addresses known before (ERC-6492 signatures name such a factory).
contract ContractWalletFactory {
    function create(address owner, bytes32 salt) external returns (address) {
        return address(new ContractWallet{salt: salt}(owner, true));
    }

    function addressOf(address owner, bytes32 salt) external view returns (address) {
        bytes32 codeHash = keccak256(abi.encodePacked(type(ContractWallet).creationCode, abi.encode(owner, true)));
        return address(
            uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, codeHash))))
        );
    }
}
