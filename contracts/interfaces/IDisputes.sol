// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Flags on disputed recordings.
/// @notice A flag covers a recording and its six stems, whoever holds them, for at most 30 days: no new licenses and no
/// withdrawals of their income meanwhile. It never stops payments, claims or remixes already licensed, and it redirects
/// nothing. After a flag ends, early or not, another within 90 days raises the count; the fourth is refused, and only 90
/// days without a flag clear the count.
interface IDisputes {
    /// @param until First second at which the recording is free again.
    /// @param count Flags in this run, 1 to 3.
    struct Flag {
        uint64 until;
        uint8 count;
    }

    /// @param reason Digest of the document that says why.
    event Flagged(uint224 indexed recordingId, address indexed arbiter, uint64 until, uint8 count, bytes32 reason);
    /// @param until The second at which it ended: the block's time.
    event FlagLifted(uint224 indexed recordingId, address indexed arbiter, uint64 until, uint8 count);

    error NotArbiter(address caller);
    error NotARecording(uint224 work);
    error AlreadyFlagged(uint224 recordingId, uint64 until);
    error NotFlagged(uint224 recordingId);
    error FlagTooLong(uint64 until, uint64 latest);
    error FlagInThePast(uint64 until, uint256 time);
    error TooManyFlags(uint224 recordingId, uint64 clearAt);

    /// @notice Flags a recording until a time, at most 30 days from now. Arbiters only.
    function flag(uint224 recordingId, uint64 until, bytes32 reason) external;

    /// @notice Ends a flag early. Arbiters only.
    function lift(uint224 recordingId) external;

    /// @return Whether the recording to which `work` belongs is flagged now. Unknown works are not.
    function isFlagged(uint224 work) external view returns (bool);

    function flagOf(uint224 work) external view returns (Flag memory);
}
