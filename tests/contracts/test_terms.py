"""Terms: named by their content, published by anyone, the same for ever; and what terms there cannot be."""

from dataclasses import astuple, replace

import pytest
from commits import digest
from reverting import reverts, simulate

from stemma.chain.licensing import MAX_EXCLUSIVE_SECONDS, MAX_REMIX_PPM, MAX_TERMS_SECONDS, NATIVE, LicenseKind


class TestPublish:
    def test_stored_whole(self, manager, market, stranger):
        terms = market.terms(
            LicenseKind.REMIX,
            transferable=True,
            commercial_use=True,
            territory=276,
            max_grants=2**32 - 1,
            remix_ppm=MAX_REMIX_PPM,
            duration=MAX_TERMS_SECONDS,
        )
        assert manager.publishTerms.call(astuple(terms), sender=stranger) == terms.id
        receipt = manager.publishTerms(astuple(terms), sender=stranger)
        assert tuple(manager.termsOf(terms.id)) == astuple(terms)
        assert list(receipt.events) == [
            manager.TermsPublished(
                termsId=terms.id,
                kind=LicenseKind.REMIX,
                token=terms.token,
                transferable=True,
                exclusive=False,
                commercialUse=True,
                attribution=True,
                territory=276,
                maxGrants=2**32 - 1,
                remixPpm=MAX_REMIX_PPM,
                duration=MAX_TERMS_SECONDS,
                legalDigest=terms.legal_digest,
            )
        ]

    def test_again_changes_nothing(self, manager, market, stranger):
        terms_id = market.publish()
        assert manager.publishTerms.call(astuple(market.terms()), sender=stranger) == terms_id
        receipt = manager.publishTerms(astuple(market.terms()), sender=stranger)
        assert list(receipt.events) == []

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": LicenseKind.STREAM},
            {"token": NATIVE},
            {"transferable": True},
            {"exclusive": True},
            {"commercial_use": True},
            {"attribution": False},
            {"territory": 150},
            {"max_grants": 1},
            {"remix_ppm": 1},
            {"duration": 1},
            {"legal_digest": digest("another text")},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_every_field_makes_other_terms(self, manager, market, change):
        terms, others = market.terms(), market.terms(**change)
        assert terms.id != others.id
        assert manager.termsIdOf(astuple(others)) == others.id

    def test_unknown(self, manager):
        with reverts("UnknownTerms", termsId=digest("never published")):
            simulate(manager.termsOf, digest("never published"))


class TestInvalid:
    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("territory", {"territory": 0}),
            ("territory", {"territory": 1000}),
            ("legalDigest", {"legal_digest": b"\0" * 32}),
            ("duration", {"duration": MAX_TERMS_SECONDS + 1}),
            ("duration", {"duration": 2**64 - 1}),
            ("duration", {"exclusive": True}),
            ("duration", {"exclusive": True, "duration": MAX_EXCLUSIVE_SECONDS + 1}),
            ("remixPpm", {"kind": LicenseKind.REMIX, "remix_ppm": MAX_REMIX_PPM + 1}),
            ("remixPpm", {"kind": LicenseKind.STREAM, "remix_ppm": 1}),
            ("remixPpm", {"kind": LicenseKind.PERSONAL, "remix_ppm": 1}),
            ("remixPpm", {"kind": LicenseKind.SYNC, "remix_ppm": 1}),
            ("remixPpm", {"kind": LicenseKind.COMMERCIAL, "remix_ppm": 1}),
        ],
    )
    def test_refused(self, manager, market, stranger, field, change):
        with reverts("InvalidTerms", field=field):
            simulate(manager.publishTerms, astuple(replace(market.terms(), **change)), sender=stranger)

    @pytest.mark.parametrize("duration", [1, MAX_EXCLUSIVE_SECONDS])
    def test_exclusive_for_a_time(self, manager, market, stranger, duration):
        simulate(manager.publishTerms, astuple(market.terms(exclusive=True, duration=duration)), sender=stranger)
