// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Content identifiers, version 1, with SHA-256 digests: on chain a digest and a codec byte, in URIs base32.
/// @dev https://github.com/multiformats/cid ; base32 is RFC 4648 lower case without padding, prefixed by "b".
library Cid {
    uint8 internal constant RAW = 0x55;
    uint8 internal constant DAG_PB = 0x70;

    bytes32 private constant ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
    uint256 private constant SYMBOLS = 58; // 36 bytes are 57.6 symbols of five bits

    function isCodec(uint8 codec) internal pure returns (bool) {
        return codec == RAW || codec == DAG_PB;
    }

    /// @return The 59 characters of the CID, beginning with "b".
    function toBase32(bytes32 digest, uint8 codec) internal pure returns (string memory) {
        // version 1, codec, SHA-256 (0x12), 32 bytes (0x20)
        uint256 head = 0x01001220 | (uint256(codec) << 16);
        bytes memory out = new bytes(SYMBOLS + 1);
        out[0] = "b";
        // 36 bytes do not fit one word: 32 bits of head and the first 3 bits of the digest make seven symbols.
        uint256 first = (head << 3) | (uint256(digest) >> 253);
        for (uint256 i = 7; i > 0; --i) {
            out[i] = ALPHABET[first & 31];
            first >>= 5;
        }
        // 253 bits are left: 51 symbols, the last of which is padded by two zero bits.
        uint256 rest = uint256(digest) << 3;
        for (uint256 i = 8; i <= SYMBOLS; ++i) {
            out[i] = ALPHABET[rest >> 251];
            rest <<= 5;
        }
        return string(out);
    }
}
