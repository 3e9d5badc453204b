// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Licenses for tests of ancestry alone: every license exists, fits, and grants the ppm that its id says.
contract GenerousLicenses {
    function consume(uint256 licenseId, uint224, address, uint224) external pure returns (uint32 remixPpm) {
        return uint32(licenseId);
    }
}
