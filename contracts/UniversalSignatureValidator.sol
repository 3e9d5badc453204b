// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Signatures} from "./libraries/Signatures.sol";

/// @title Off-chain check of any signature: ECDSA, ERC-1271, and ERC-6492 for accounts that are not deployed yet.
/// @notice Never deployed: its creation code with the arguments appended is sent as an `eth_call` without `to`, and what
/// it returns is the verdict, one byte: 1 valid, 0 not. https://eips.ethereum.org/EIPS/eip-6492
contract UniversalSignatureValidator {
    bytes32 private constant ERC6492_SUFFIX = 0x6492649264926492649264926492649264926492649264926492649264926492;

    constructor(address signer, bytes32 digest, bytes memory signature) {
        bool valid = _isWrapped(signature)
            ? _isValidWrapped(signer, digest, signature)
            : Signatures.isValid(signer, digest, signature);
        assembly ("memory-safe") {
            mstore8(0x00, valid)
            return(0x00, 0x01)
        }
    }

    function _isWrapped(bytes memory signature) private pure returns (bool wrapped) {
        if (signature.length < 32) return false;
        assembly ("memory-safe") {
            // The last word of the signature: its data starts 32 bytes after its length.
            wrapped := eq(mload(add(signature, mload(signature))), ERC6492_SUFFIX)
        }
    }

    /// @dev The account is deployed first when it has no code; one that has code may still need the call to become
    /// ready (the ERC's "prepare" case), so that is tried after a refusal.
    function _isValidWrapped(address signer, bytes32 digest, bytes memory signature) private returns (bool) {
        assembly ("memory-safe") {
            mstore(signature, sub(mload(signature), 0x20)) // cut the suffix
        }
        (address factory, bytes memory call, bytes memory inner) = abi.decode(signature, (address, bytes, bytes));
        if (signer.code.length != 0 && Signatures.isValid(signer, digest, inner)) return true;
        (bool done,) = factory.call(call);
        return done && Signatures.isValid(signer, digest, inner);
    }
}
