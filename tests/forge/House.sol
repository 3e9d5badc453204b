// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Disputes} from "../../contracts/Disputes.sol";
import {IPNFT} from "../../contracts/IPNFT.sol";
import {LicenseManager} from "../../contracts/LicenseManager.sol";
import {Licenses} from "../../contracts/Licenses.sol";
import {Roles} from "../../contracts/Roles.sol";
import {RoyaltySplitter} from "../../contracts/RoyaltySplitter.sol";
import {SessionVault} from "../../contracts/SessionVault.sol";
import {StemRegistry} from "../../contracts/StemRegistry.sol";
import {TestUSDC} from "../../contracts/dev/TestUSDC.sol";
import {ILicenses} from "../../contracts/interfaces/ILicenses.sol";
import {ILicenseManager} from "../../contracts/interfaces/ILicenseManager.sol";
import {IStemRegistry} from "../../contracts/interfaces/IStemRegistry.sol";
import {Base} from "./Base.sol";

/// @title The house's contracts, with this contract as admin, guardian, attestor, arbiter and everybody's creator.
abstract contract House is Base {
    uint64 internal constant FOREVER = type(uint64).max;

    TestUSDC public usdc;
    Roles public roles;
    StemRegistry public registry;
    IPNFT public titles;
    RoyaltySplitter public splitter;
    Licenses public licenses;
    LicenseManager public manager;
    SessionVault public vault;
    Disputes public disputes;
    address[2] public tokens;

    constructor() {
        usdc = new TestUSDC(address(this));
        tokens[1] = address(usdc);
        uint256 first = CHEATS.getNonce(address(this));
        address[9] memory peers;
        for (uint256 i = 1; i <= 8; ++i) {
            peers[i] = CHEATS.computeCreateAddress(address(this), first + i - 1);
        }
        address[] memory me = new address[](1);
        me[0] = address(this);
        address[] memory accepted = new address[](2);
        accepted[1] = address(usdc);
        roles = new Roles(address(this), address(this), me, me);
        registry = new StemRegistry(roles, IPNFT(peers[3]), RoyaltySplitter(payable(peers[4])), Licenses(peers[5]));
        titles = new IPNFT(registry);
        splitter = new RoyaltySplitter(
            roles, registry, titles, Disputes(peers[8]), LicenseManager(peers[6]), address(this), accepted
        );
        licenses = new Licenses(registry, LicenseManager(peers[6]));
        manager = new LicenseManager(roles, registry, titles, splitter, licenses, Disputes(peers[8]));
        vault = new SessionVault(manager, splitter);
        disputes = new Disputes(roles);
        require(address(disputes) == peers[8], "a contract came to be elsewhere");
        usdc.mint(address(this), type(uint128).max);
        usdc.approve(address(splitter), type(uint256).max);
        usdc.approve(address(vault), type(uint256).max);
        CHEATS.deal(address(this), type(uint128).max);
    }

    receive() external payable {}

    // ------------------------------------------------------------------ recordings

    /// @dev A recording by commitment; this contract is its creator.
    function register(
        bytes32 content,
        IStemRegistry.Share[] memory split,
        IStemRegistry.Parent[] memory parents,
        uint256[][] memory tables
    ) internal returns (uint224) {
        registry.commit(registry.commitmentOf(address(this), content, 0));
        CHEATS.roll(block.number + 1);
        IStemRegistry.Registration memory registration = IStemRegistry.Registration({
            creator: address(this),
            contentHash: content,
            creditsDigest: 0,
            creditsCodec: 0x55,
            resaleRoyaltyPpm: 0,
            split: split,
            parents: parents,
            deadline: FOREVER
        });
        return registry.registerCommitted(registration, "", tables, 0);
    }

    /// @dev A REMIX license of a work, for this contract.
    function remixLicense(uint224 work, uint32 ppm) internal returns (uint256) {
        bytes32 termsId = manager.publishTerms(terms(ILicenses.Kind.REMIX, address(0), ppm));
        address[] memory me = new address[](1);
        me[0] = address(this);
        manager.grantMany(work, termsId, me, 0);
        return uint256(manager.purchaseHash(ILicenseManager.Purchase(work, termsId, address(this), 0, 0, 0)));
    }

    function terms(ILicenses.Kind kind, address token, uint32 remixPpm)
        internal
        pure
        returns (ILicenseManager.Terms memory)
    {
        return ILicenseManager.Terms({
            kind: kind,
            token: token,
            transferable: true,
            exclusive: false,
            commercialUse: true,
            attribution: true,
            territory: 1,
            maxGrants: 0,
            remixPpm: remixPpm,
            duration: 0,
            legalDigest: bytes32(uint256(1))
        });
    }

    function balanceOf(address token, address account) public view returns (uint256) {
        return token == address(0) ? account.balance : usdc.balanceOf(account);
    }
}
