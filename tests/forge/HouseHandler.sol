// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ILicenseManager} from "../../contracts/interfaces/ILicenseManager.sol";
import {ILicenses} from "../../contracts/interfaces/ILicenses.sol";
import {IRoyaltySplitter} from "../../contracts/interfaces/IRoyaltySplitter.sol";
import {ISessionVault} from "../../contracts/interfaces/ISessionVault.sol";
import {IStemRegistry} from "../../contracts/interfaces/IStemRegistry.sol";
import {RoyaltyTable} from "../../contracts/libraries/RoyaltyTable.sol";
import {House} from "./House.sol";

/// @title The acts that forge does at random: payments, claims, settlements, withdrawals, purchases, sessions and flags.
/// @dev One track with two slots, and a remix of it and of one of its stems. Acts that the rules forbid do nothing.
contract HouseHandler is House {
    uint32 private constant OF_TRACK = 333_333;
    uint32 private constant OF_STEM = 7;
    uint256 private constant WHOLE = 1_000_000;
    uint8 private constant TITLE = 255;

    uint224 public track;
    uint224 public remix;
    bytes32[2] private _termsIds;
    ISessionVault.Session[2] private _sessions;
    mapping(address token => uint256) public owed;
    mapping(address token => uint256) public vaultOwes;
    uint256 private _salt;

    constructor() {
        IStemRegistry.Share[] memory split = new IStemRegistry.Share[](2);
        split[0] = IStemRegistry.Share(address(0xA11CE), 250_001);
        split[1] = IStemRegistry.Share(address(this), 1);
        track = register("track", split, new IStemRegistry.Parent[](0), new uint256[][](0));
        IStemRegistry.Parent[] memory parents = new IStemRegistry.Parent[](2);
        parents[0] = IStemRegistry.Parent(track, remixLicense(track, OF_TRACK));
        parents[1] = IStemRegistry.Parent(track | 1, remixLicense(track | 1, OF_STEM));
        remix = register("remix", new IStemRegistry.Share[](0), parents, new uint256[][](1));
        for (uint256 i = 0; i < 2; ++i) {
            _termsIds[i] = manager.publishTerms(terms(ILicenses.Kind.STREAM, tokens[i], 0));
            _sessions[i] = ISessionVault.Session({
                owner: address(this),
                agent: address(this),
                token: tokens[i],
                cap: 1_000,
                perLicenseCap: 100,
                perPeriodCap: 150,
                period: 1 hours,
                kinds: 1,
                expiry: FOREVER,
                salt: i
            });
            vault.open(_sessions[i], "");
        }
    }

    // ------------------------------------------------------------------ acts

    function pay(uint256 work, uint256 token, uint96 amount) external {
        address coin = tokens[token % 2];
        if (amount == 0) return;
        splitter.pay{value: coin == address(0) ? amount : 0}(_work(work), coin, amount, 0);
        owed[coin] += amount;
    }

    function forceIn(uint96 amount) external {
        usdc.transfer(address(splitter), amount);
        CHEATS.deal(address(splitter), address(splitter).balance + amount);
    }

    function claim(uint256 kind, uint256 which, uint256 token) external {
        (uint224 ancestor, uint32 ppm, bytes32[] memory proof) = _entry(which);
        splitter.claim(remix | uint224(kind % 7), ancestor, ppm, proof, tokens[token % 2]);
    }

    function settle(uint256 work, uint256 token) external {
        splitter.settle(_work(work), tokens[token % 2]);
    }

    function withdraw(uint256 work, uint256 token, uint256 slot, uint160 to) external {
        uint8[3] memory slots = [TITLE, 0, 1];
        address coin = tokens[token % 2];
        uint8 chosen = slots[slot % 3];
        CHEATS.prank(chosen == 0 ? address(0xA11CE) : address(this));
        try splitter.withdraw(_work(work), coin, chosen, address(uint160(within(to, 2 ** 80, 2 ** 159)))) returns (
            uint256 amount
        ) {
            owed[coin] -= amount;
        } catch {}
    }

    function flag(bool ofTrack, uint256 time) external {
        CHEATS.warp(block.timestamp + within(time, 1, 20 days));
        try disputes.flag(ofTrack ? track : remix, uint64(block.timestamp + 1 days), 0) {} catch {}
    }

    function attach(uint256 work, uint256 token, uint256 price) external {
        manager.attach(_work(work), _termsIds[token % 2], uint128(within(price, 0, 120)));
    }

    function deposit(uint256 token, uint96 amount) external {
        address coin = tokens[token % 2];
        if (amount == 0) return;
        vault.deposit{value: coin == address(0) ? amount : 0}(address(this), coin, amount);
        vaultOwes[coin] += amount;
    }

    function takeBack(uint256 token, uint96 amount) external {
        address coin = tokens[token % 2];
        try vault.withdraw(coin, amount, address(0xB0B)) {
            vaultOwes[coin] -= amount;
        } catch {}
    }

    function buyInSession(uint256 work, uint256 token) external {
        ILicenseManager.SignedOffer memory none;
        ILicenseManager.Purchase memory purchase =
            ILicenseManager.Purchase(_work(work), _termsIds[token % 2], address(this), 0, 0, ++_salt);
        ISessionVault.Session memory session = _sessions[token % 2];
        uint256 before = vault.balanceOf(address(this), session.token);
        try vault.buy(session, purchase, none, type(uint256).max) {
            uint256 price = before - vault.balanceOf(address(this), session.token);
            vaultOwes[session.token] -= price;
            owed[session.token] += price;
        } catch {}
    }

    function passTime(uint256 time) external {
        CHEATS.warp(block.timestamp + within(time, 1, 2 hours));
    }

    // ------------------------------------------------------------------ what must hold

    function dustIsBounded() external view returns (bool) {
        for (uint256 i = 0; i < 14; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                if (!_isWhole(_work(i), tokens[j])) return false;
            }
        }
        return true;
    }

    function sessionsAreCapped() external view returns (bool) {
        for (uint256 i = 0; i < 2; ++i) {
            ISessionVault.State memory state = vault.stateOf(vault.sessionIdOf(_sessions[i]));
            if (state.spent > _sessions[i].cap || state.windowSpent > _sessions[i].perPeriodCap) return false;
        }
        return true;
    }

    function _isWhole(uint224 work, address token) private view returns (bool) {
        IRoyaltySplitter.Account memory account = splitter.accountOf(work, token);
        uint256 entitlements = account.received;
        if (work & ~uint224(0xff) == remix) {
            entitlements = uint256(account.received) * OF_TRACK / WHOLE + uint256(account.received) * OF_STEM / WHOLE
                + uint256(account.received) * (WHOLE - OF_TRACK - OF_STEM) / WHOLE;
        }
        uint256 drawn = account.titleDrawn + splitter.drawnOf(work, token, 0) + splitter.drawnOf(work, token, 1);
        return entitlements <= account.received && account.received - entitlements <= 2 && drawn <= account.income;
    }

    // ------------------------------------------------------------------ internal

    function _work(uint256 number) private view returns (uint224) {
        return (number % 14 < 7 ? track : remix) | uint224(number % 7);
    }

    /// @dev The remix' table has two entries: each is the other's proof.
    function _entry(uint256 which) private view returns (uint224 ancestor, uint32 ppm, bytes32[] memory proof) {
        (ancestor, ppm) = which % 2 == 0 ? (track, OF_TRACK) : (track | 1, OF_STEM);
        proof = new bytes32[](1);
        proof[0] = which % 2 == 0
            ? RoyaltyTable.leaf(RoyaltyTable.entry(track | 1, OF_STEM))
            : RoyaltyTable.leaf(RoyaltyTable.entry(track, OF_TRACK));
    }
}
