// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ISessionVault} from "../interfaces/ISessionVault.sol";
import {LicenseMessages} from "./LicenseMessages.sol";

/// @title EIP-712 struct hashes of sessions and of their agents' orders.
library SessionMessages {
    bytes32 internal constant SESSION_TYPE = keccak256(
        "Session(address owner,address agent,address token,uint128 cap,uint128 perLicenseCap,uint128 perPeriodCap,uint64 period,uint8 kinds,uint64 expiry,uint256 salt)"
    );
    bytes32 internal constant AGENT_ORDER_TYPE = keccak256(
        "AgentOrder(bytes32 sessionId,Purchase purchase,uint128 maxPrice,uint64 deadline)"
        "Purchase(uint224 work,bytes32 basis,address licensee,uint8 coverage,uint32 version,uint256 salt)"
    );

    function hash(ISessionVault.Session calldata session) internal pure returns (bytes32) {
        return keccak256(abi.encode(SESSION_TYPE, session));
    }

    function hash(ISessionVault.AgentOrder calldata order) internal pure returns (bytes32) {
        bytes32 purchase = LicenseMessages.hash(order.purchase);
        return keccak256(abi.encode(AGENT_ORDER_TYPE, order.sessionId, purchase, order.maxPrice, order.deadline));
    }
}
