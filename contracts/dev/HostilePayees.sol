// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Takes no native coin, and says why.
contract RevertingPayee {
    error NoThanks();

    receive() external payable {
        revert NoThanks();
    }
}

/// @title Takes native coin and answers with as much data as the caller's gas may buy the copy of.
contract ReturnBomb {
    receive() external payable {
        assembly ("memory-safe") {
            return(0, 1000000)
        }
    }
}

/// @title Burns all the gas that it is given.
contract GasGriefer {
    receive() external payable {
        while (true) {}
    }
}

/// @title Calls wherever it was told to when it is paid; whether that reverted is kept, and is no matter to the payer.
contract ReenteringPayee {
    address public target;
    bytes public data;
    bool public tried;
    bytes public answer;

    function aim(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    /// @notice Does anything as this account, as the owner of a slot would.
    function execute(address to, bytes calldata call) external returns (bytes memory) {
        (bool done, bytes memory result) = to.call(call);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        return result;
    }

    receive() external payable {
        if (target == address(0)) return;
        bool done;
        (done, answer) = target.call(data);
        tried = true;
    }
}

/// @title Sends native coin to where nobody asked for it, which no contract can refuse.
contract ForcedSend {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}

/// @title Sends native coin with the 2300 gas of Solidity's `transfer`, as many old contracts do.
contract FrugalSender {
    function send(address payable to) external payable {
        to.transfer(msg.value);
    }
}
