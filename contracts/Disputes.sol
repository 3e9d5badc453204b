// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRoles} from "./interfaces/IRoles.sol";
import {WorkId} from "./libraries/WorkId.sol";

/// @title Flags on disputed recordings, see IDisputes.
/// @dev Who would delay a recording's income for longer than three flags of 30 days must leave it alone for 90 days.
contract Disputes is IDisputes {
    uint64 private constant MAX_DURATION = 30 days;
    uint64 private constant CLEAR_AFTER = 90 days;
    uint8 private constant MAX_COUNT = 3;

    IRoles public immutable roles;

    mapping(uint224 recordingId => Flag) private _flags;

    constructor(IRoles roles_) {
        roles = roles_;
    }

    modifier onlyArbiter() {
        require(roles.isArbiter(msg.sender), NotArbiter(msg.sender));
        _;
    }

    /// @inheritdoc IDisputes
    function flag(uint224 recordingId, uint64 until, bytes32 reason) external onlyArbiter {
        require(WorkId.kindOf(recordingId) == 0, NotARecording(recordingId));
        require(until > block.timestamp, FlagInThePast(until, block.timestamp));
        uint64 latest = uint64(block.timestamp) + MAX_DURATION;
        require(until <= latest, FlagTooLong(until, latest));

        Flag memory last = _flags[recordingId];
        require(last.until <= block.timestamp, AlreadyFlagged(recordingId, last.until));
        uint64 clearAt = last.until + CLEAR_AFTER;
        uint8 count = block.timestamp < clearAt ? last.count + 1 : 1;
        require(count <= MAX_COUNT, TooManyFlags(recordingId, clearAt));

        _flags[recordingId] = Flag(until, count);
        emit Flagged({recordingId: recordingId, arbiter: msg.sender, until: until, count: count, reason: reason});
    }

    /// @inheritdoc IDisputes
    function lift(uint224 recordingId) external onlyArbiter {
        Flag storage current = _flags[recordingId];
        require(current.until > block.timestamp, NotFlagged(recordingId));
        uint64 until = uint64(block.timestamp);
        current.until = until;
        emit FlagLifted({recordingId: recordingId, arbiter: msg.sender, until: until, count: current.count});
    }

    /// @inheritdoc IDisputes
    function isFlagged(uint224 work) external view returns (bool) {
        return _flags[WorkId.recordingOf(work)].until > block.timestamp;
    }

    /// @inheritdoc IDisputes
    function flagOf(uint224 work) external view returns (Flag memory) {
        return _flags[WorkId.recordingOf(work)];
    }
}
