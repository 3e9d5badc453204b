"""State is what the logs say: rebuilt from events alone, it equals what the contracts answer."""

import random
from dataclasses import dataclass, field

from stemma.works import STEM_KINDS, Kind, stem_id

TITLES = 9


@dataclass
class Rebuilt:
    """The contracts' state as an indexer would keep it."""

    recordings: dict[int, dict] = field(default_factory=dict)
    attestors: set[str] = field(default_factory=set)
    owners: dict[int, str] = field(default_factory=dict)
    payouts: dict[str, str] = field(default_factory=dict)

    def apply(self, log) -> None:
        values = log.event_arguments
        match log.event_name:
            case "RecordingRegistered":
                terms = {"creator": values["creator"], "resaleRoyaltyPpm": values["resaleRoyaltyPpm"]}
                self.recordings[values["recordingId"]] = terms
            case "SeparationCommitted":
                separation = {name: values[name] for name in ("version", "stemsRoot", "metadataDigest")}
                self.recordings[values["recordingId"]] |= separation
            case "AttestorGranted":
                self.attestors.add(values["attestor"])
            case "AttestorRevoked":
                self.attestors.remove(values["attestor"])
            case "Transfer":
                self.owners[values["tokenId"]] = values["to"]
            case "PayoutSet":
                self.payouts[values["creator"]] = values["payout"]

    def rights_holder(self, work: int) -> str:
        recording = work & ~0xFF
        return self.owners.get(work) or self.owners.get(recording) or self.recordings[recording]["creator"]


def test_rebuilt_from_logs(registry, ipnft, admin, creator, attestor, relayer, accounts, make_song):
    chance = random.Random(7)
    rebuilt = Rebuilt(attestors={attestor.address})
    receipts = [registry.grantAttestor(accounts[6], sender=admin), registry.grantAttestor(accounts[7], sender=admin)]
    receipts.append(registry.revokeAttestor(accounts[6], sender=admin))
    songs = [make_song(f"Song {number}") for number in range(3)]
    for song in songs:
        ppm = chance.randrange(100_001)
        song = song.registering(resale_royalty_ppm=ppm).but(attestor_key=accounts[7].private_key)  # noqa: PLW2901
        receipts.append(registry.registerAndCommit(*song.arguments, sender=relayer))
    works = [song.recording_id | kind for song in songs for kind in Kind]
    for work in chance.sample(works, TITLES):
        holder = accounts[ipnft.rightsHolder(work)]
        receipts.append(ipnft.mint(work, chance.choice(accounts[3:6]), sender=holder))
        if chance.random() < 0.5:
            owner = accounts[ipnft.ownerOf(work)]
            receipts.append(ipnft.transferFrom(owner, chance.choice(accounts[3:6]), work, sender=owner))
    receipts.append(ipnft.setPayout(accounts[8], sender=creator))

    for receipt in receipts:
        for log in receipt.events:
            rebuilt.apply(log)

    for recording, expected in rebuilt.recordings.items():
        stored = registry.recordingOf(recording)
        assert {name: getattr(stored, name) for name in expected} == expected
    assert len(rebuilt.recordings) == len(songs)
    assert {account.address for account in accounts if registry.isAttestor(account)} == rebuilt.attestors
    for work in works:
        assert ipnft.rightsHolder(work) == rebuilt.rights_holder(work)
    assert len(rebuilt.owners) == TITLES
    for account in accounts[:9]:
        assert ipnft.payoutOf(account) == rebuilt.payouts.get(account.address, account.address)


def test_stem_ids_of_logs(registry, relayer, commit):
    receipt = registry.registerAndCommit(*commit.arguments, sender=relayer)
    ids = [log.stemId for log in receipt.decode_logs(registry.StemCommitted)]
    assert ids == [stem_id(commit.recording_id, kind) for kind in STEM_KINDS]
