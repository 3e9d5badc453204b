"""StemRegistry.registerAndCommit: what it stores, whom it believes, what it refuses."""

import itertools

import pytest
from commits import ONE_HOUR, digest, six_stems, stem_struct
from reverting import reverts, simulate

from stemma.chain.intents import Share, SigningDomain, Stem
from stemma.works import STEM_KINDS, Kind, recording_id, stem_id

ZERO = "0x" + "00" * 20


class TestStored:
    def test_recording(self, registry, registered, creator, chain):
        recording = registry.recordingOf(registered.recording_id)
        assert recording.creator == creator.address
        assert recording.version == 0
        assert recording.resaleRoyaltyPpm == 50_000
        assert recording.separationRoot == registered.separation_root
        assert recording.registeredBlock == chain.blocks.head.number

    def test_returns_recording_id(self, registry, commit, relayer):
        returned = registry.registerAndCommit.call(*commit.arguments, sender=relayer)
        assert returned == commit.recording_id == recording_id(commit.registration.content_hash)

    def test_recording_and_its_stems_exist(self, registry, registered, creator):
        for work in (registered.recording_id, *(stem_id(registered.recording_id, kind) for kind in STEM_KINDS)):
            assert registry.exists(work)
            assert registry.creatorOf(work) == creator.address
            assert registry.separationRootOf(work) == registered.separation_root

    def test_each_stem_is_committed(self, registry, registered):
        for index, (kind, stem) in enumerate(zip(STEM_KINDS, registered.stems, strict=True)):
            work = stem_id(registered.recording_id, kind)
            path = registered.proof(kind)
            assert registry.isCommitted(work, stem_struct(stem), path)
            assert not registry.isCommitted(work, stem_struct(registered.stems[index - 1]), path)
            assert not registry.isCommitted(
                stem_id(registered.recording_id, STEM_KINDS[index - 1]), stem_struct(stem), path
            )

    def test_two_songs(self, registry, relayer, registered, make_song):
        other = make_song("Another song")
        registry.registerAndCommit(*other.arguments, sender=relayer)
        assert registry.separationRootOf(other.recording_id) == other.separation_root
        assert registry.separationRootOf(registered.recording_id) == registered.separation_root


class TestUnknownWorks:
    @pytest.mark.parametrize("view", ["recordingOf", "creatorOf", "separationRootOf", "versionOf"])
    def test_views_revert(self, registry, registered, view):
        for work in (0, 1, recording_id(digest("never registered")), registered.recording_id | 7, 2**224 - 1):
            with reverts("UnknownWork", work=work):
                simulate(getattr(registry, view), work)

    def test_do_not_exist(self, registry, registered, commit):
        assert not registry.exists(registered.recording_id | 7)
        assert not registry.exists(registered.recording_id | 255)
        assert not registry.exists(recording_id(digest("never registered")))
        assert not registry.exists(0)

    def test_a_recording_is_no_stem(self, registry, registered):
        path = registered.proof(Kind.VOCALS)
        assert not registry.isCommitted(registered.recording_id, stem_struct(registered.stems[0]), path)

    def test_is_committed_reverts(self, registry, commit):
        with reverts("UnknownWork"):
            simulate(registry.isCommitted, commit.recording_id | 1, stem_struct(commit.stems[0]), [])


class TestEvents:
    def test_complete_and_in_order(self, registry, splitter, relayer, creator, attestor, commit):
        singer, drummer = "0x" + "51" * 20, "0x" + "d2" * 20
        commit = commit.registering(split=(Share(singer, 250_000), Share(drummer, 1)))
        receipt = registry.registerAndCommit(*commit.arguments, sender=relayer)
        r, s = commit.registration, commit.separation
        assert list(receipt.events) == [
            registry.RecordingRegistered(
                recordingId=commit.recording_id,
                creator=creator,
                attestor=attestor,
                contentHash=r.content_hash,
                creditsDigest=r.credits_digest,
                creditsCodec=r.credits_codec,
                resaleRoyaltyPpm=r.resale_royalty_ppm,
            ),
            splitter.SlotFixed(recordingId=commit.recording_id, account=singer, slot=0, ppm=250_000),
            splitter.SlotFixed(recordingId=commit.recording_id, account=drummer, slot=1, ppm=1),
            registry.SeparationCommitted(
                recordingId=commit.recording_id,
                attestor=attestor,
                version=0,
                stemsRoot=s.stems_root,
                model=s.model,
                weightsHash=s.weights_hash,
                manifestDigest=s.manifest_digest,
                manifestCodec=s.manifest_codec,
                metadataDigest=s.metadata_digest,
            ),
            *(
                registry.StemCommitted(
                    stemId=stem_id(commit.recording_id, kind),
                    version=0,
                    sha256Digest=stem.sha256_digest,
                    cidDigest=stem.cid_digest,
                    cidCodec=stem.cid_codec,
                )
                for kind, stem in zip(STEM_KINDS, commit.stems, strict=True)
            ),
        ]


class TestCreator:
    def test_sends_itself_without_signature(self, registry, commit, creator):
        registry.registerAndCommit(*commit.but(creator_signature=b"").arguments, sender=creator)
        assert registry.creatorOf(commit.recording_id) == creator.address

    def test_anyone_may_relay(self, registry, commit, stranger, creator):
        registry.registerAndCommit(*commit.arguments, sender=stranger)
        assert registry.creatorOf(commit.recording_id) == creator.address

    def test_contract_account(self, registry, commit, wallet, relayer):
        commit = commit.registering(creator=wallet.address)
        registry.registerAndCommit(*commit.arguments, sender=relayer)
        assert registry.creatorOf(commit.recording_id) == wallet.address

    def test_contract_account_refuses(self, registry, unready_wallet, commit, relayer):
        commit = commit.registering(creator=unready_wallet.address)
        with reverts("InvalidCreatorSignature"):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    def test_contract_without_erc1271(self, registry, probe, commit, relayer):
        commit = commit.registering(creator=probe.address)
        with reverts("InvalidCreatorSignature"):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    @pytest.mark.parametrize("signature", [b"", b"\x00" * 65, b"\xff" * 65, b"\x01" * 64])
    def test_malformed_signature(self, registry, commit, relayer, creator, signature):
        expected = {"creator": creator.address, "digest": registry.registrationDigest(commit.registration_struct)}
        with reverts("InvalidCreatorSignature", **expected):
            simulate(registry.registerAndCommit, *commit.but(creator_signature=signature).arguments, sender=relayer)

    def test_malleable_signature(self, registry, commit, relayer):
        order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
        good = commit.sign_registration()
        mirrored = order - int.from_bytes(good[32:64], "big")
        high_s = good[:32] + mirrored.to_bytes(32, "big") + bytes([55 - good[64]])
        with reverts("InvalidCreatorSignature"):
            simulate(registry.registerAndCommit, *commit.but(creator_signature=high_s).arguments, sender=relayer)

    def test_someone_elses_signature(self, registry, commit, relayer, stranger):
        with reverts("InvalidCreatorSignature"):
            simulate(
                registry.registerAndCommit, *commit.but(creator_key=stranger.private_key).arguments, sender=relayer
            )

    def test_zero_creator(self, registry, commit, relayer):
        commit = commit.registering(creator=ZERO).but(creator_signature=b"\x00" * 65)
        with reverts("ZeroAddress"):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    @pytest.mark.parametrize(
        "change",
        [
            {"credits_digest": digest("other credits")},
            {"credits_codec": 0x70},
            {"resale_royalty_ppm": 50_001},
            {"deadline": 2**63},
            {"split": (Share("0x" + "11" * 20, 1),)},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_signature_covers_every_field(self, registry, commit, relayer, change):
        changed = commit.registering(**change).but(creator_signature=commit.sign_registration())
        with reverts("InvalidCreatorSignature"):
            simulate(registry.registerAndCommit, *changed.arguments, sender=relayer)

    def test_deadline(self, registry, commit, relayer, chain):
        late = commit.registering(deadline=chain.blocks.head.timestamp - 1)
        with reverts("DeadlinePassed"):
            simulate(registry.registerAndCommit, *late.arguments, sender=relayer)

    def test_deadlines_include_their_second(self, registry, commit, relayer, chain):
        last = chain.pending_timestamp + 100
        commit = commit.registering(deadline=last).but(attestation_deadline=last)
        chain.pending_timestamp = last
        receipt = registry.registerAndCommit(*commit.arguments, sender=relayer, gas=1_000_000)
        assert receipt.timestamp == last

    def test_deadline_counts_for_the_creator_too(self, registry, commit, creator, chain):
        late = commit.registering(deadline=chain.blocks.head.timestamp - 1)
        with reverts("DeadlinePassed"):
            simulate(registry.registerAndCommit, *late.arguments, sender=creator)


class TestDomain:
    """A signature for another chain, or for another registry, is worth nothing here."""

    @pytest.fixture(params=["chain", "contract"])
    def elsewhere(self, request, domain) -> SigningDomain:
        if request.param == "chain":
            return SigningDomain(domain.chain_id + 1, domain.registry)
        return SigningDomain(domain.chain_id, "0x" + "11" * 20)

    def test_creator(self, registry, commit, relayer, elsewhere):
        commit = commit.but(creator_signature=commit.sign_registration(domain=elsewhere))
        with reverts("InvalidCreatorSignature"):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    def test_attestor(self, registry, commit, relayer, elsewhere):
        commit = commit.but(attestor_signature=commit.sign_attestation(domain=elsewhere))
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    def test_published(self, registry, domain):
        _, name, version, chain_id, contract, _, _ = registry.eip712Domain()
        assert (name, version, chain_id, contract) == ("StemRegistry", "1", domain.chain_id, domain.registry)


class TestReplayAndFrontRunning:
    def test_once_only(self, registry, registered, relayer):
        with reverts("RecordingExists", recordingId=registered.recording_id):
            simulate(registry.registerAndCommit, *registered.arguments, sender=relayer)

    def test_first_come(self, registry, registered, stranger):
        copied = registered.registering(creator=stranger.address).but(creator_key=stranger.private_key)
        with reverts("RecordingExists"):
            simulate(registry.registerAndCommit, *copied.arguments, sender=stranger)

    def test_copied_attestation_cannot_take_a_song(self, registry, commit, stranger):
        thief = commit.registering(creator=stranger.address).but(
            creator_key=stranger.private_key, attestor_signature=commit.sign_attestation()
        )
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *thief.arguments, sender=stranger)

    def test_copied_transaction_registers_the_creator(self, registry, commit, stranger, creator):
        registry.registerAndCommit(*commit.arguments, sender=stranger)
        assert registry.creatorOf(commit.recording_id) == creator.address

    def test_attestation_of_another_song(self, registry, commit, make_song, relayer):
        other = make_song("Another song")
        with reverts("InvalidAttestation"):
            simulate(
                registry.registerAndCommit,
                *commit.but(attestor_signature=other.sign_attestation()).arguments,
                sender=relayer,
            )


class TestAttestation:
    @pytest.mark.parametrize(
        "change",
        [
            {"model": digest("other model")},
            {"weights_hash": digest("other weights")},
            {"manifest_digest": digest("other manifest")},
            {"manifest_codec": 0x70},
            {"metadata_digest": digest("other metadata")},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_covers_every_field(self, registry, commit, relayer, change):
        changed = commit.separated(**change).but(attestor_signature=commit.sign_attestation())
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *changed.arguments, sender=relayer)

    def test_covers_the_stems(self, registry, commit, relayer):
        changed = commit.with_stems(six_stems("A forged song")).but(attestor_signature=commit.sign_attestation())
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *changed.arguments, sender=relayer)

    def test_covers_the_deadline(self, registry, commit, relayer):
        later = commit.but(
            attestation_deadline=commit.attestation_deadline + ONE_HOUR, attestor_signature=commit.sign_attestation()
        )
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *later.arguments, sender=relayer)

    def test_deadline(self, registry, commit, relayer, chain):
        with reverts("DeadlinePassed"):
            simulate(
                registry.registerAndCommit,
                *commit.but(attestation_deadline=chain.blocks.head.timestamp - 1).arguments,
                sender=relayer,
            )

    def test_by_a_stranger(self, registry, commit, relayer, stranger):
        with reverts("InvalidAttestation"):
            simulate(
                registry.registerAndCommit, *commit.but(attestor_key=stranger.private_key).arguments, sender=relayer
            )

    @pytest.mark.parametrize("signature", [b"", b"\x00" * 20, b"\x00" * 65, b"\xff" * 85])
    def test_malformed(self, registry, commit, relayer, signature):
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *commit.but(attestor_signature=signature).arguments, sender=relayer)


class TestStems:
    def test_root_mismatch(self, registry, commit, relayer):
        wrong = commit.separated(stems_root=digest("nothing"))
        expected = {"attested": digest("nothing"), "computed": commit.separation.stems_root}
        with reverts("StemsRootMismatch", **expected):
            simulate(registry.registerAndCommit, *wrong.arguments, sender=relayer)

    def test_order_matters(self, registry, commit, relayer):
        swapped = (commit.stems[1], commit.stems[0], *commit.stems[2:])
        with reverts("StemsRootMismatch"):
            simulate(registry.registerAndCommit, *commit.but(stems=swapped).arguments, sender=relayer)

    @pytest.mark.parametrize("position", range(6))
    def test_codec(self, registry, commit, relayer, position):
        odd = Stem(digest("odd"), digest("odd cid"), 0x71)
        stems = (*commit.stems[:position], odd, *commit.stems[position + 1 :])
        with reverts("UnknownCodec", codec=0x71):
            simulate(registry.registerAndCommit, *commit.with_stems(stems).arguments, sender=relayer)

    def test_manifest_codec(self, registry, commit, relayer):
        with reverts("UnknownCodec", codec=0):
            simulate(registry.registerAndCommit, *commit.separated(manifest_codec=0).arguments, sender=relayer)

    def test_first_version_is_zero(self, registry, commit, relayer):
        with reverts("WrongVersion", given=1, expected=0):
            simulate(registry.registerAndCommit, *commit.separated(version=1).arguments, sender=relayer)


class TestTerms:
    def test_sixteen_slots_of_everything(self, registry, splitter, commit, relayer, accounts):
        split = tuple(Share(accounts[i % 10].address, 62_500) for i in range(16))
        receipt = registry.registerAndCommit(*commit.registering(split=split).arguments, sender=relayer)
        slots = [(log.slot, log.account, log.ppm) for log in receipt.decode_logs(splitter.SlotFixed)]
        assert slots == [(i, share.account, share.ppm) for i, share in enumerate(split)]

    def test_too_many_slots(self, registry, commit, relayer, stranger):
        split = tuple(itertools.repeat(Share(stranger.address, 1), 17))
        with reverts("TooManySlots", count=17, cap=16):
            simulate(registry.registerAndCommit, *commit.registering(split=split).arguments, sender=relayer)

    @pytest.mark.parametrize("empty", [Share("0x" + "11" * 20, 0), Share(ZERO, 5)])
    def test_empty_slot(self, registry, commit, relayer, stranger, empty):
        split = (Share(stranger.address, 1), empty)
        with reverts("EmptySlot", slot=1):
            simulate(registry.registerAndCommit, *commit.registering(split=split).arguments, sender=relayer)

    def test_split_too_high(self, registry, commit, relayer, stranger):
        split = (Share(stranger.address, 1_000_000), Share(stranger.address, 1))
        with reverts("SplitTooHigh", sum=1_000_001, cap=1_000_000):
            simulate(registry.registerAndCommit, *commit.registering(split=split).arguments, sender=relayer)

    def test_split_sum_does_not_overflow(self, registry, commit, relayer, stranger):
        split = tuple(itertools.repeat(Share(stranger.address, 2**32 - 1), 16))
        with reverts("SplitTooHigh", sum=16 * (2**32 - 1), cap=1_000_000):
            simulate(registry.registerAndCommit, *commit.registering(split=split).arguments, sender=relayer)

    def test_highest_resale_royalty(self, registry, commit, relayer):
        registry.registerAndCommit(*commit.registering(resale_royalty_ppm=100_000).arguments, sender=relayer)
        assert registry.recordingOf(commit.recording_id).resaleRoyaltyPpm == 100_000

    def test_resale_royalty_too_high(self, registry, commit, relayer):
        with reverts("ResaleRoyaltyTooHigh", ppm=100_001, cap=100_000):
            simulate(
                registry.registerAndCommit, *commit.registering(resale_royalty_ppm=100_001).arguments, sender=relayer
            )

    def test_credits_codec(self, registry, commit, relayer):
        with reverts("UnknownCodec", codec=0x54):
            simulate(registry.registerAndCommit, *commit.registering(credits_codec=0x54).arguments, sender=relayer)
