"""State is what the logs say: the registry's and the titles', rebuilt from events alone, equals what they answer."""

import random
from dataclasses import dataclass, field

from timelock import ATTESTOR_ROLE, grant

from stemma.chain.merkle import separation_root
from stemma.works import STEM_KINDS, Kind, stem_id

TITLES = 9


@dataclass
class Rebuilt:
    """The contracts' state as an indexer would keep it."""

    recordings: dict[int, dict] = field(default_factory=dict)
    attestors: set[str] = field(default_factory=set)
    owners: dict[int, str] = field(default_factory=dict)
    transfers: dict[int, int] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    payouts: dict[str, str] = field(default_factory=dict)

    def apply(self, log) -> None:
        values = log.event_arguments
        match log.event_name:
            case "RecordingRegistered":
                terms = {"creator": values["creator"], "resaleRoyaltyPpm": values["resaleRoyaltyPpm"]}
                self.recordings[values["recordingId"]] = terms | {"registeredBlock": log.block_number}
            case "SeparationCommitted":
                work = values["recordingId"]
                root = separation_root(work, values["stemsRoot"], values["metadataDigest"])
                self.recordings[work] |= {"version": values["version"], "separationRoot": root}
            case "RoleGranted" if values["role"] == ATTESTOR_ROLE:
                self.attestors.add(values["account"])
            case "RoleRevoked" if values["role"] == ATTESTOR_ROLE:
                self.attestors.remove(values["account"])
            case "Transfer":
                if values["tokenId"] in self.owners:
                    self.transfers[values["tokenId"]] += 1
                self.owners[values["tokenId"]] = values["to"]
            case "TitleMinted":
                work = values["workId"]
                changed_hands = values["holder"] != values["minter"] and work & 0xFF == 0
                self.transfers[work] = int(changed_hands)
                self.versions[work] = values["version"]
            case "VersionAdopted":
                self.versions[values["workId"]] = values["version"]
            case "PayoutSet":
                self.payouts[values["account"]] = values["payout"]

    def rights_holder(self, work: int) -> str:
        recording = work & ~0xFF
        return self.owners.get(work) or self.owners.get(recording) or self.recordings[recording]["creator"]

    def title_epoch(self, work: int) -> int:
        governing = work if work in self.owners else work & ~0xFF
        return governing << 32 | self.transfers.get(governing, 0)

    def version(self, work: int) -> int:
        is_titled_stem = work & 0xFF and work in self.versions
        return self.versions[work] if is_titled_stem else self.recordings[work & ~0xFF]["version"]

    def minted_stems(self, work: int) -> int:
        return sum(1 << kind for kind in range(1, 7) if (work & ~0xFF | kind) in self.owners)


def test_rebuilt_from_logs(
    registry, ipnft, roles, admin, guardian, creator, attestor, relayer, accounts, chain, make_song
):
    chance = random.Random(7)
    rebuilt = Rebuilt(attestors={attestor.address})
    receipts = [grant(roles, admin, chain, accounts[number].address) for number in (4, 5)]
    receipts.append(roles.revokeAttestor(accounts[4], sender=guardian))
    songs = [make_song(f"Song {number}") for number in range(3)]
    songs = [song.registering(resale_royalty_ppm=chance.randrange(100_001)) for song in songs]
    songs = [song.but(attestor_key=accounts[5].private_key) for song in songs]
    receipts += [registry.registerAndCommit(*song.arguments, sender=relayer) for song in songs]
    of_recording = {song.recording_id: song for song in songs}
    works = [song.recording_id | kind for song in songs for kind in Kind]
    for number, work in enumerate(chance.sample(works, TITLES)):
        recording = work & ~0xFF
        holder = accounts[ipnft.rightsHolder(work)]
        title = of_recording[recording].title
        receipts.append(ipnft.mint(work, chance.choice(accounts[3:6]), *title, sender=holder))
        owner = accounts[ipnft.ownerOf(work)]
        if chance.random() < 0.5:
            receipts.append(ipnft.transferFrom(owner, chance.choice(accounts[3:6]), work, sender=owner))
        if number % 3 == 0:
            later = of_recording[recording].version(registry.recordingOf(recording).version + 1)
            of_recording[recording] = later
            arguments = later.separation_arguments()
            receipts.append(registry.commitSeparation(*arguments, sender=accounts[ipnft.rightsHolder(recording)]))
            receipts.append(ipnft.adopt(work, *later.title, b"", sender=accounts[ipnft.ownerOf(work)]))
    receipts.append(ipnft.setPayout(accounts[8], sender=creator))

    for receipt in receipts:
        for log in receipt.events:
            rebuilt.apply(log)

    for recording, expected in rebuilt.recordings.items():
        stored = registry.recordingOf(recording)
        assert {name: getattr(stored, name) for name in expected} == expected
    assert len(rebuilt.recordings) == len(songs)
    assert {account.address for account in accounts if roles.isAttestor(account)} == rebuilt.attestors
    for work in works:
        assert ipnft.rightsHolder(work) == rebuilt.rights_holder(work)
        assert ipnft.titleEpoch(work) == rebuilt.title_epoch(work)
        assert ipnft.versionOf(work) == rebuilt.version(work)
        assert ipnft.mintedStems(work) == rebuilt.minted_stems(work)
    assert len(rebuilt.owners) == TITLES
    for account in accounts[:9]:
        assert ipnft.payoutOf(account) == rebuilt.payouts.get(account.address, account.address)


def test_stem_ids_of_logs(registry, relayer, commit):
    receipt = registry.registerAndCommit(*commit.arguments, sender=relayer)
    ids = [log.stemId for log in receipt.decode_logs(registry.StemCommitted)]
    assert ids == [stem_id(commit.recording_id, kind) for kind in STEM_KINDS]
