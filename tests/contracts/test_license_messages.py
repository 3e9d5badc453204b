"""The chain and Python agree on ids and digests of terms, offers, purchases, orders, sessions: differential tests."""

from dataclasses import astuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stemma.chain.licensing import (
    LicenseKind,
    Offer,
    Order,
    Purchase,
    Terms,
    license_id,
    offer_digest,
    order_digest,
    purchase_hash,
)
from stemma.chain.sessions import AgentOrder, Session, agent_order_digest, session_id

differential = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())


def uints(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1) | st.sampled_from([0, 2**bits - 1])


terms = st.builds(
    Terms,
    kind=st.sampled_from(LicenseKind),
    token=addresses,
    transferable=st.booleans(),
    exclusive=st.booleans(),
    commercial_use=st.booleans(),
    attribution=st.booleans(),
    territory=uints(16),
    max_grants=uints(32),
    remix_ppm=uints(32),
    duration=uints(64),
    legal_digest=words,
)
offers = st.builds(
    Offer,
    seller=addresses,
    seller_epoch=uints(256),
    work=uints(224),
    title_epoch=uints(256),
    terms_id=words,
    price=uints(128),
    valid_from=uints(64),
    valid_until=uints(64),
    max_fee_ppm=uints(32),
    licensee=addresses,
    nonce=uints(256),
    uses=uints(32),
)
purchases = st.builds(
    Purchase,
    work=uints(224),
    basis=words,
    licensee=addresses,
    coverage=uints(8),
    version=uints(32),
    salt=uints(256),
)
orders = st.builds(Order, payer=addresses, purchase=purchases, max_price=uints(128), deadline=uints(64))
agent_orders = st.builds(AgentOrder, session_id=words, purchase=purchases, max_price=uints(128), deadline=uints(64))
sessions = st.builds(
    Session,
    owner=addresses,
    agent=addresses,
    token=addresses,
    cap=uints(128),
    per_license_cap=uints(128),
    per_period_cap=uints(128),
    period=uints(64),
    kinds=uints(8),
    expiry=uints(64),
    salt=uints(256),
)


@given(terms=terms)
@differential
def test_terms(manager, terms):
    assert manager.termsIdOf(astuple(terms)) == terms.id


@given(offer=offers)
@differential
def test_offer(manager, market, offer):
    assert manager.offerDigest(astuple(offer)) == offer_digest(offer, **market.at)


@given(purchase=purchases)
@differential
def test_purchase(manager, market, purchase):
    assert manager.purchaseHash(astuple(purchase)) == purchase_hash(purchase, **market.at)
    assert license_id(purchase, **market.at) == int.from_bytes(purchase_hash(purchase, **market.at), "big")


@given(order=orders)
@differential
def test_order(manager, market, order):
    assert manager.orderDigest(astuple(order)) == order_digest(order, **market.at)


@given(session=sessions)
@differential
def test_session(vault, budget, session):
    assert vault.sessionIdOf(astuple(session)) == session_id(session, **budget.at)


@given(order=agent_orders)
@differential
def test_agent_order(vault, budget, order):
    assert vault.orderDigest(astuple(order)) == agent_order_digest(order, **budget.at)
