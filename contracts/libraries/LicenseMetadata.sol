// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {ILicenses} from "../interfaces/ILicenses.sol";
import {WorkId} from "./WorkId.sol";

/// @title The JSON document that a wallet shows for a license, made of nothing but numbers: no escaping is needed.
library LicenseMetadata {
    using Strings for uint256;

    function uri(
        uint224 work,
        ILicenses.Kind kind,
        uint8 coverage,
        uint32 version,
        uint64 expiresAt,
        bool transferable,
        bytes32 termsId
    ) internal pure returns (string memory) {
        string memory attributes = string.concat(
            _text("Kind", _kind(kind)),
            ",",
            _text("Work", uint256(work).toHexString(28)),
            ",",
            _text("Covers", _works(coverage)),
            ",",
            _number("", "Version", version),
            expiresAt == 0 ? "" : string.concat(",", _number("\"display_type\":\"date\",", "Expires", expiresAt)),
            ",",
            _text("Transferable", transferable ? "yes" : "no"),
            ",",
            _text("Terms", uint256(termsId).toHexString(32))
        );
        return string.concat(
            "data:application/json;utf8,{\"name\":\"",
            _kind(kind),
            " license\",\"description\":\"A license of a recording or a stem, as it was granted.\",\"attributes\":[",
            attributes,
            "]}"
        );
    }

    function _text(string memory trait, string memory value) private pure returns (string memory) {
        return string.concat("{\"trait_type\":\"", trait, "\",\"value\":\"", value, "\"}");
    }

    function _number(string memory display, string memory trait, uint256 value) private pure returns (string memory) {
        return string.concat("{", display, "\"trait_type\":\"", trait, "\",\"value\":", value.toString(), "}");
    }

    function _works(uint8 coverage) private pure returns (string memory names) {
        string[7] memory all = ["recording", "vocals", "drums", "bass", "guitar", "piano", "other"];
        for (uint8 kind = 0; kind <= WorkId.LAST_KIND; ++kind) {
            if ((coverage >> kind) & 1 == 0) continue;
            names = bytes(names).length == 0 ? all[kind] : string.concat(names, ", ", all[kind]);
        }
    }

    function _kind(ILicenses.Kind kind) private pure returns (string memory) {
        return ["Stream", "Personal", "Remix", "Sync", "Commercial"][uint8(kind)];
    }
}
