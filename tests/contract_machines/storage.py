"""A state as the words that the contracts must hold, by the compiler's own storage layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.contract_machines.compiler import Artifact
from tests.contract_machines.reference.state import State
from tests.contract_machines.reference.words import hash_words

EPOCH_BITS = 40


def storage_of(state: State, artifacts: Mapping[str, Artifact]) -> dict[str, dict[int, int]]:
    """For each of the house's contracts every word that is not zero, by its slot."""
    return {name: _words(artifacts[name].layout, variables) for name, variables in _variables(state).items()}


def _variables(state: State) -> dict[str, dict[str, Any]]:
    """The contracts' variables by the names that they have in the sources; mappings are dicts, structs too."""
    s = state
    title_fields = {work: {"version": t.version, "metadataDigest": t.metadata} for work, t in s.titles.items()}
    for work, count in s.transfers.items():
        title_fields.setdefault(work, {})["transfers"] = count
    for recording, mask in s.minted_stems.items():
        title_fields.setdefault(recording, {})["mintedStems"] = mask
    return {
        "Roles": {
            "_roles": _roles(s),
            "_timestamps": s.operations,
            "_minDelay": s.settings.get("minDelay", 0),
        },
        "StemRegistry": {
            "_tables": {
                key: {"root": t.root, "stackPpm": t.stack_ppm, "ancestorCount": t.ancestor_count}
                for key, t in s.tables.items()
                if t.ancestor_count
            },
            "commitmentBlockOf": s.commitments,
            "_recordings": {
                key: {
                    "creator": r.creator,
                    "version": r.version,
                    "resaleRoyaltyPpm": r.resale_royalty_ppm,
                    "registeredBlock": r.registered_block,
                    "separationRoot": r.separation_root,
                }
                for key, r in s.recordings.items()
            },
            "_batches": {
                key: {"attestor": b.attestor, "anchoredBlock": b.anchored_block, "count": b.count}
                for key, b in s.batches.items()
            },
        },
        "IPNFT": {
            "_name": "Stemma Titles",
            "_symbol": "STEMMA",
            "_owners": s.title_owners,
            "_balances": _counted(s.title_owners),
            "_titles": title_fields,
            "_payouts": s.payouts,
        },
        "RoyaltySplitter": _splitter(s),
        "Licenses": {
            "_name": "Stemma Licenses",
            "_symbol": "STEMMA-L",
            "_balances": _counted(s.license_owners),
            "_snapshots": {
                key: {
                    "owner": s.license_owners[key],
                    "work": g.work,
                    "coverage": g.coverage,
                    "kind": g.kind,
                    "transferable": g.transferable,
                    "termsId": g.terms,
                    "version": g.version,
                    "grantedAt": g.granted_at,
                    "expiresAt": g.expires_at,
                }
                for key, g in s.snapshots.items()
            },
            "_consumptions": {
                key: {"remixPpm": g.remix_ppm, "remix": s.remixes.get(key, 0)} for key, g in s.snapshots.items()
            },
        },
        "LicenseManager": _manager(s),
        "SessionVault": {
            "_balances": _nested(s.budgets),
            "_states": {
                key: {
                    "open": v.open,
                    "closed": v.closed,
                    "spent": v.spent,
                    "window": v.window,
                    "windowSpent": v.window_spent,
                }
                for key, v in s.sessions.items()
            },
        },
        "Disputes": {"_flags": {key: {"until": f.until, "count": f.count} for key, f in s.flags.items()}},
    }


def _splitter(s: State) -> dict[str, Any]:
    slots_ppm: dict[int, int] = {}
    for (recording, _), slot in s.slots.items():
        slots_ppm[recording] = slots_ppm.get(recording, 0) + slot.ppm
    nonces: dict[int, dict[int, int]] = {}
    for account, nonce in s.withdrawal_nonces:
        words = nonces.setdefault(account, {})
        words[nonce >> 8] = words.get(nonce >> 8, 0) | 1 << (nonce & 0xFF)
    accounts = {
        key: {
            "received": a.received,
            "ownMoved": a.own_moved,
            "income": a.income,
            "titleDrawn": a.title_drawn,
        }
        for key, a in s.accounts.items()
    }
    return {
        "feeRecipient": s.settings.get("feeRecipient", 0),
        "_tokens": {
            key: {"paidIn": t.paid_in, "paidOut": t.paid_out, "accepted": t.accepted} for key, t in s.tokens.items()
        },
        "_fees": {key: {"credited": f.credited, "drawn": f.drawn} for key, f in s.fees.items()},
        "_slotsPpm": slots_ppm,
        "_slots": _nested({key: {"owner": slot.owner, "ppm": slot.ppm} for key, slot in s.slots.items()}),
        "_accounts": _nested(accounts),
        "_moved": _nested(s.moved),
        "_drawn": _nested(s.drawn),
        "_nonces": {account: {"_data": words} for account, words in nonces.items()},
    }


def _manager(s: State) -> dict[str, Any]:
    return {
        "_terms": {
            key: {
                "kind": t.kind,
                "token": t.token,
                "transferable": t.transferable,
                "exclusive": t.exclusive,
                "published": 1,
                "commercialUse": t.commercial_use,
                "attribution": t.attribution,
                "territory": t.territory,
                "maxGrants": t.max_grants,
                "remixPpm": t.remix_ppm,
                "duration": t.duration,
                "legalDigest": t.legal_digest,
            }
            for key, t in s.terms.items()
        },
        "_listings": _nested(
            {
                key: {
                    "price": entry.price,
                    "epoch": entry.title_epoch % 2**EPOCH_BITS,
                    "attached": entry.attached,
                    "granted": entry.granted,
                }
                for key, entry in s.listings.items()
            }
        ),
        "_exclusivities": _nested(
            {
                key: e.until | e.coverage << 32 | sum(u << 40 + 32 * at for at, u in enumerate(e.stem_until))
                for key, e in s.exclusivities.items()
            }
        ),
        "_epochs": s.seller_epochs,
        "_used": _nested({(seller, n // 8, n % 8): used for (seller, n), used in s.offers_used.items()}),
        "_delegations": {
            hash_words(*key): {"floorPrice": d.floor_price, "expiry": d.expiry} for key, d in s.delegations.items()
        },
        "feePpm": s.settings.get("feePpm", 0),
    }


def _roles(s: State) -> dict[int, dict[str, Any]]:
    """OpenZeppelin's RoleData; every role is administered by role zero, whose number is not stored."""
    roles: dict[int, dict[str, Any]] = {}
    for role, account in s.roles:
        roles.setdefault(role, {"hasRole": {}})["hasRole"][account] = 1
    return roles


def _counted(owners: Mapping[int, int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for owner in owners.values():
        counts[owner] = counts.get(owner, 0) + 1
    return counts


def _nested(flat: Mapping[tuple[int, ...], Any]) -> dict[int, Any]:
    tree: dict[int, Any] = {}
    for key, value in flat.items():
        branch = tree
        for part in key[:-1]:
            branch = branch.setdefault(part, {})
        branch[key[-1]] = value
    return tree


# ---------------------------------------------------------------- the layout


def _words(layout: dict[str, Any], variables: dict[str, Any]) -> dict[int, int]:
    types = layout["types"]
    words: dict[int, int] = {}
    # Of two variables of one name the later is the derived contract's; the base's is not used then.
    labels = {entry["label"]: entry for entry in layout["storage"]}
    unknown = variables.keys() - labels.keys()
    assert not unknown, f"the contract has no {', '.join(sorted(unknown))}"
    for label, value in variables.items():
        entry = labels[label]
        for slot, shifted in _cells(types, entry["type"], int(entry["slot"]), entry["offset"], value):
            words[slot] = words.get(slot, 0) | shifted
    return {slot: content for slot, content in words.items() if content}


def _cells(types: dict[str, Any], type_id: str, slot: int, offset: int, value: Any) -> Iterator[tuple[int, int]]:
    """The parts of words that a value occupies."""
    kind = types[type_id]
    if kind["encoding"] == "mapping":
        for key, inner in value.items():
            yield from _cells(types, kind["value"], hash_words(key, slot), 0, inner)
    elif kind["encoding"] == "bytes":
        yield slot, _short_string(value)
    elif "base" in kind:
        size = int(types[kind["base"]]["numberOfBytes"])
        for index, inner in value.items():
            at, place = divmod(index, 32 // size)
            yield from _cells(types, kind["base"], slot + at, place * size, inner)
    elif "members" in kind:
        members = {member["label"]: member for member in kind["members"]}
        for label, inner in value.items():
            member = members[label]
            yield from _cells(types, member["type"], slot + int(member["slot"]), member["offset"], inner)
    else:
        assert 0 <= value < 256 ** int(kind["numberOfBytes"]), f"{value} is no {kind['label']}"
        yield slot, value << 8 * offset


def _short_string(text: str) -> int:
    raw = text.encode()
    assert len(raw) < 32, "a longer string lies elsewhere"
    return int.from_bytes(raw.ljust(32, b"\0"), "big") | 2 * len(raw)
