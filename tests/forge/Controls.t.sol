// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Ledger} from "../../contracts/libraries/Ledger.sol";
import {Base} from "./Base.sol";

/// @title Planted errors, one for each kind of test: every test here must FAIL, or the others show nothing.
contract ControlsTest is Base {
    uint32 private constant WHOLE = 1_000_000;

    /// @dev Rounds up, as Ledger must not.
    function testFuzz_controlRoundingUp(uint120 total, uint32 ppm) external pure {
        uint32 share = ppm % (WHOLE + 1);
        require(_roundedUp(total, share) + _roundedUp(total, WHOLE - share) <= total, "more than there is");
    }

    function check_controlRoundingUp(uint120 total) external pure {
        assert(_roundedUp(total, 333_333) == Ledger.entitlement(total, 333_333));
    }

    function _roundedUp(uint256 total, uint256 ppm) private pure returns (uint256) {
        unchecked {
            return (total * ppm + WHOLE - 1) / WHOLE;
        }
    }
}

/// @title The same for invariants: random acts must lead to the planted error.
contract InvariantControlsTest is Base {
    uint256 private _total;
    uint256 private _mine;

    function setUp() external {
        target(address(this));
    }

    function deposit(uint96 amount) external {
        _mine += amount;
        _total += amount;
    }

    /// @dev Forgets the total.
    function withdraw() external {
        _mine = 0;
    }

    function invariant_controlForgottenTotal() external view {
        require(_mine == _total, "the total is not what is owed");
    }
}
