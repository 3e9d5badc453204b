// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Signature checks: ECDSA first, then ERC-1271.
/// @dev ECDSA comes first because an EIP-7702 account has code and may still sign with its key. ERC-6492 is off chain
/// only: on chain it would be an arbitrary call.
library Signatures {
    function isValid(address signer, bytes32 digest, bytes memory signature) internal view returns (bool) {
        if (signer == address(0)) return false; // what recover answers to a malformed signature
        return recover(digest, signature) == signer
            || (signer.code.length != 0 && SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature));
    }

    /// @return signer The key's address, or zero when this is no ECDSA signature of 65 bytes in canonical form.
    function recover(bytes32 digest, bytes memory signature) internal pure returns (address signer) {
        (signer,,) = ECDSA.tryRecover(digest, signature);
    }
}
