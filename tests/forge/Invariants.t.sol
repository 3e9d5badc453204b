// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Base} from "./Base.sol";
import {HouseHandler} from "./HouseHandler.sol";

/// @title What holds after any acts of anyone: see HouseHandler for the acts.
contract InvariantsTest is Base {
    HouseHandler private _handler;

    function setUp() external {
        _handler = new HouseHandler();
        target(address(_handler));
    }

    /// @notice One test, since forge runs all acts anew for each.
    function invariant_theBooksHold() external view {
        for (uint256 i = 0; i < 2; ++i) {
            address token = _handler.tokens(i);
            uint256 liabilities = _handler.splitter().liabilitiesOf(token);
            require(liabilities == _handler.owed(token), "liabilities are not what the works are owed");
            uint256 balance = _handler.balanceOf(token, address(_handler.splitter()));
            require(balance >= liabilities, "the splitter has less than it owes");
            balance = _handler.balanceOf(token, address(_handler.vault()));
            require(balance >= _handler.vaultOwes(token), "the vault has less than it owes");
        }
        require(_handler.dustIsBounded(), "received is not entitlements and dust");
        require(_handler.sessionsAreCapped(), "a session overspent");
    }
}
