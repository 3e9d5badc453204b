// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ILicenses} from "../interfaces/ILicenses.sol";
import {IStemRegistry} from "../interfaces/IStemRegistry.sol";
import {RoyaltyTable} from "../libraries/RoyaltyTable.sol";
import {StemTree} from "../libraries/StemTree.sol";
import {WorkId} from "../libraries/WorkId.sol";

/// @title The registry's ancestry: what a remix owes to whom, fixed for ever at its registration.
/// @dev The table of a remix is the sum of its parents' own entries and of the tables of the parents' distinct
/// recordings. Only the root is kept; the entries come back as calldata and are checked against it.
abstract contract Ancestry is IStemRegistry {
    uint256 private constant MAX_PARENTS = 16;

    ILicenses public immutable licenses;

    mapping(uint224 recordingId => Table) private _tables;

    constructor(ILicenses licenses_) {
        licenses = licenses_;
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IStemRegistry
    function exists(uint224 work) public view virtual returns (bool);

    /// @inheritdoc IStemRegistry
    function tableOf(uint224 work) external view returns (Table memory) {
        require(exists(work), UnknownWork(work));
        return _tables[WorkId.recordingOf(work)];
    }

    /// @inheritdoc IStemRegistry
    function stackOf(uint224 work) external view returns (uint32 stackPpm) {
        require(exists(work), UnknownWork(work));
        return _tables[WorkId.recordingOf(work)].stackPpm;
    }

    /// @inheritdoc IStemRegistry
    function isEntry(uint224 work, uint224 ancestor, uint32 ppm, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        require(exists(work), UnknownWork(work));
        bytes32 leaf = RoyaltyTable.leaf(RoyaltyTable.entry(ancestor, ppm));
        return StemTree.climb(leaf, proof) == _tables[WorkId.recordingOf(work)].root;
    }

    /// @inheritdoc IStemRegistry
    function previewTable(uint224[] calldata works, uint32[] calldata ppms, uint256[][] calldata tables)
        external
        view
        returns (uint256[] memory entries, Table memory table)
    {
        require(works.length <= MAX_PARENTS, TooManyParents(works.length, MAX_PARENTS));
        require(ppms.length == works.length, WrongPpmCount(ppms.length, works.length));
        uint256[] memory own = new uint256[](works.length);
        for (uint256 i = 0; i < own.length; ++i) {
            require(exists(works[i]), UnknownWork(works[i]));
            own[i] = RoyaltyTable.entry(works[i], ppms[i]);
        }
        return _tableFrom(own, tables);
    }

    // ------------------------------------------------------------------ internal

    /// @notice Consumes the parents' licenses and fixes the table that follows from them; of a track there is nothing to fix.
    function _fixAncestry(
        uint224 recordingId,
        address creator,
        Parent[] calldata parents,
        uint256[][] calldata tables
    ) internal {
        if (parents.length == 0) {
            require(tables.length == 0, WrongTableCount(tables.length, 0));
            return;
        }
        require(parents.length <= MAX_PARENTS, TooManyParents(parents.length, MAX_PARENTS));
        uint256[] memory own = new uint256[](parents.length);
        for (uint256 i = 0; i < own.length; ++i) {
            (uint224 work, uint256 license) = (parents[i].work, parents[i].license);
            require(exists(work), UnknownWork(work));
            uint32 ppm = licenses.consume(license, work, creator, recordingId);
            own[i] = RoyaltyTable.entry(work, ppm);
            emit ParentFixed(recordingId, work, license, ppm);
        }
        (uint256[] memory entries, Table memory table) = _tableFrom(own, tables);
        for (uint256 i = 0; i < entries.length; ++i) {
            emit RoyaltyEntry(recordingId, RoyaltyTable.workOf(entries[i]), RoyaltyTable.ppmOf(entries[i]));
        }
        emit RoyaltyTableFixed(recordingId, table.root, table.stackPpm, table.ancestorCount);
        if (table.ancestorCount != 0) _tables[recordingId] = table;
    }

    /// @param parents The parents' own entries; ppm may be zero here.
    function _tableFrom(uint256[] memory parents, uint256[][] calldata tables)
        private
        view
        returns (uint256[] memory entries, Table memory table)
    {
        uint256 disorder = RoyaltyTable.firstDisorder(parents);
        require(disorder == parents.length, ParentsNotAscending(disorder));
        uint224[] memory recordings = RoyaltyTable.recordingsOf(parents);
        require(tables.length == recordings.length, WrongTableCount(tables.length, recordings.length));

        // Merging keeps the sum; the cap comes first, so that no sum of ppms can grow out of its 32 bits.
        uint256 stackPpm = RoyaltyTable.sumOf(parents);
        for (uint256 i = 0; i < recordings.length; ++i) {
            stackPpm += _tables[recordings[i]].stackPpm;
        }
        require(stackPpm <= RoyaltyTable.MAX_STACK_PPM, StackTooHigh(stackPpm, RoyaltyTable.MAX_STACK_PPM));

        entries = RoyaltyTable.withoutZeros(parents);
        for (uint256 i = 0; i < recordings.length; ++i) {
            entries = RoyaltyTable.merge(entries, _checkedTable(recordings[i], tables[i]));
        }
        require(
            entries.length <= RoyaltyTable.MAX_ANCESTORS, TooManyAncestors(entries.length, RoyaltyTable.MAX_ANCESTORS)
        );
        table = Table({
            root: RoyaltyTable.root(entries), stackPpm: uint32(stackPpm), ancestorCount: uint8(entries.length)
        });
    }

    /// @return Of a registered recording's table the given entries, when they are what its root was made from.
    function _checkedTable(uint224 recordingId, uint256[] memory entries) private view returns (uint256[] memory) {
        bytes32 expected = _tables[recordingId].root;
        bytes32 computed = RoyaltyTable.root(entries);
        require(computed == expected, TableMismatch(recordingId, expected, computed));
        uint256 disorder = RoyaltyTable.firstDisorder(entries);
        require(disorder == entries.length, EntriesNotAscending(recordingId, disorder));
        return entries;
    }
}
