// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title A plain ERC-20 for development which anyone may mint, and from which the odd ones below differ in one point.
contract PlainToken {
    string public constant name = "Odd token";
    string public constant symbol = "ODD";
    uint8 public constant decimals = 18;

    uint256 public totalSupply;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => uint256) internal _balances;

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed owner, address indexed spender, uint256 amount);

    error BalanceTooLow(address account, uint256 balance, uint256 needed);
    error AllowanceTooLow(address owner, address spender, uint256 allowed, uint256 needed);

    function mint(address to, uint256 amount) external {
        totalSupply += amount;
        _balances[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function balanceOf(address account) public view virtual returns (uint256) {
        return _balances[account];
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external virtual returns (bool) {
        _spend(from, amount);
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        require(amount <= _balances[from], BalanceTooLow(from, _balances[from], amount));
        _balances[from] -= amount;
        _balances[to] += amount;
        emit Transfer(from, to, amount);
    }

    function _spend(address from, uint256 amount) internal {
        uint256 allowed = allowance[from][msg.sender];
        require(amount <= allowed, AllowanceTooLow(from, msg.sender, allowed, amount));
        allowance[from][msg.sender] = allowed - amount;
    }
}

/// @title Keeps one percent of what is moved, once it is switched on.
contract FeeOnTransferToken is PlainToken {
    bool public on = true;

    function setOn(bool on_) external {
        on = on_;
    }

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        if (!on) return;
        _balances[to] -= amount / 100;
        totalSupply -= amount / 100;
    }
}

/// @title Takes one percent more from the sender than it moves, once it is switched on.
contract FeeOnSenderToken is PlainToken {
    bool public on;

    function setOn(bool on_) external {
        on = on_;
    }

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        if (!on) return;
        _balances[from] -= amount / 100;
        totalSupply -= amount / 100;
    }
}

/// @title Multiplies everybody's balance whenever it is told to.
contract RebasingToken is PlainToken {
    uint256 public percent = 100;

    function rebase(uint256 percent_) external {
        percent = percent_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return _balances[account] * percent / 100;
    }

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount * 100 / percent);
    }
}

/// @title Returns nothing from its transfers, as the oldest tokens do.
contract NoReturnToken is PlainToken {
    function transfer(address to, uint256 amount) external override returns (bool) {
        _move(msg.sender, to, amount);
        assembly ("memory-safe") {
            return(0, 0)
        }
    }

    function transferFrom(address from, address to, uint256 amount) external override returns (bool) {
        _spend(from, amount);
        _move(from, to, amount);
        assembly ("memory-safe") {
            return(0, 0)
        }
    }
}

/// @title Answers false instead of reverting once it is switched on, and moves nothing.
contract FalseReturningToken is PlainToken {
    bool public on;

    function setOn(bool on_) external {
        on = on_;
    }

    function transfer(address to, uint256 amount) external override returns (bool) {
        if (on) return false;
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external override returns (bool) {
        if (on) return false;
        _spend(from, amount);
        _move(from, to, amount);
        return true;
    }
}

/// @title Reverts when nothing is moved.
contract ZeroRevertingToken is PlainToken {
    error NothingMoved();

    function _move(address from, address to, uint256 amount) internal override {
        require(amount != 0, NothingMoved());
        super._move(from, to, amount);
    }
}

/// @title Says true and moves nothing once it is switched on.
contract LyingToken is PlainToken {
    bool public on;

    function setOn(bool on_) external {
        on = on_;
    }

    function _move(address from, address to, uint256 amount) internal override {
        if (!on) super._move(from, to, amount);
    }
}

/// @title Calls wherever it was told to before it moves anything, and passes on what that reverts with.
contract ReenteringToken is PlainToken {
    address public target;
    bytes public data;

    function aim(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function _move(address from, address to, uint256 amount) internal override {
        if (target != address(0)) {
            (bool done, bytes memory result) = target.call(data);
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(result, 0x20), mload(result))
                }
            }
        }
        super._move(from, to, amount);
    }
}

/// @title Answers every call that it does not know with nothing, as tokens with a fallback function do (wrapped Ether).
contract ObligingToken is PlainToken {
    fallback() external payable {}
}
