// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IRoyaltySplitter} from "../interfaces/IRoyaltySplitter.sol";
import {IStemRegistry} from "../interfaces/IStemRegistry.sol";
import {Ledger} from "../libraries/Ledger.sol";

/// @title The collaborators' slots in a recording's income, and in its stems'.
abstract contract Slots is IRoyaltySplitter {
    struct Slot {
        address owner;
        uint32 ppm;
    }

    /// @inheritdoc IRoyaltySplitter
    uint8 public constant TITLE = 255;

    IStemRegistry public immutable registry;

    mapping(uint224 recordingId => uint32 ppm) private _slotsPpm;
    mapping(uint224 recordingId => mapping(uint8 slot => Slot)) private _slots;

    constructor(IStemRegistry registry_) {
        registry = registry_;
    }

    /// @inheritdoc IRoyaltySplitter
    /// @dev The registry has checked the split: at most 16 slots, none empty, which sum to at most the whole.
    function fixSplit(uint224 recordingId, IStemRegistry.Share[] calldata split) external {
        require(msg.sender == address(registry), NotRegistry(msg.sender));
        uint32 sum = 0;
        for (uint8 slot = 0; slot < split.length; ++slot) {
            (address account, uint32 ppm) = (split[slot].account, split[slot].ppm);
            sum += ppm;
            _slots[recordingId][slot] = Slot(account, ppm);
            emit SlotFixed({recordingId: recordingId, account: account, slot: slot, ppm: ppm});
        }
        if (sum != 0) _slotsPpm[recordingId] = sum;
    }

    /// @inheritdoc IRoyaltySplitter
    function reassignSlot(uint224 recordingId, uint8 slot, address to) external {
        require(to != address(0), ZeroAddress());
        address owner = _slotOwner(recordingId, slot);
        require(msg.sender == owner, NotSlotOwner(recordingId, slot, msg.sender, owner));
        _slots[recordingId][slot].owner = to;
        emit SlotReassigned({recordingId: recordingId, from: owner, to: to, slot: slot});
    }

    /// @inheritdoc IRoyaltySplitter
    function slotOf(uint224 recordingId, uint8 slot) external view returns (address owner, uint32 ppm) {
        return (_slots[recordingId][slot].owner, _slots[recordingId][slot].ppm);
    }

    /// @inheritdoc IRoyaltySplitter
    function titlePpmOf(uint224 recordingId) external view returns (uint32) {
        return _ppmOf(recordingId, TITLE);
    }

    function _slotOwner(uint224 recordingId, uint8 slot) internal view returns (address owner) {
        owner = _slots[recordingId][slot].owner;
        require(owner != address(0), UnknownSlot(recordingId, slot));
    }

    /// @return The share of income of a slot, zero for one that does not exist; the title has what all slots leave.
    function _ppmOf(uint224 recordingId, uint8 slot) internal view returns (uint32) {
        if (slot != TITLE) return _slots[recordingId][slot].ppm;
        return Ledger.WHOLE_PPM - _slotsPpm[recordingId];
    }
}
