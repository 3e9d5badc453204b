"""Accounts and contracts. Tests run alike on ethereum:local:test and ethereum:local:foundry."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import astuple

import pytest
from commits import Commit, song
from house import House, deploy_house
from isolation import isolated
from licensed_family import LicensedFamily
from market import DOLLAR, PRICE, Market
from money import Bank
from quickening import quicken, start_plainly
from reverting import simulate
from sessions import FUNDS, Budget
from timelock import carry_out, order

from scripts.deployment.compiling import compile_if_stale
from stemma.chain.intents import SigningDomain
from stemma.chain.sessions import Session


def pytest_sessionstart() -> None:
    """What is tested are the sources as they are; compiled here, where no test's time runs."""
    compile_if_stale()
    start_plainly()


def pytest_unconfigure() -> None:
    """What is there at the end is not looked through for garbage once more."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def quick(chain) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        quicken(chain.provider, monkeypatch)
        yield


@pytest.fixture(scope="session")
def admin(accounts):
    return accounts[0]


@pytest.fixture(scope="session")
def relayer(accounts):
    return accounts[1]


@pytest.fixture(scope="session")
def attestor(accounts):
    return accounts[2]


@pytest.fixture(scope="session")
def creator(accounts):
    return accounts[3]


@pytest.fixture(scope="session")
def stranger(accounts):
    return accounts[4]


@pytest.fixture(scope="session")
def buyer(accounts):
    return accounts[5]


@pytest.fixture(scope="session")
def guardian(accounts):
    return accounts[6]


@pytest.fixture(scope="session")
def arbiter(accounts):
    return accounts[7]


@pytest.fixture(scope="session")
def house(project, accounts, admin, guardian, attestor, arbiter) -> House:
    return deploy_house(project, accounts[9], admin=admin, guardian=guardian, attestor=attestor, arbiter=arbiter)


@pytest.fixture(scope="session")
def usdc(house):
    return house.usdc


@pytest.fixture(scope="session")
def roles(house):
    return house["Roles"]


@pytest.fixture(scope="session")
def registry(house):
    return house["StemRegistry"]


@pytest.fixture(scope="session")
def ipnft(house):
    return house["IPNFT"]


@pytest.fixture(scope="session")
def splitter(house):
    return house["RoyaltySplitter"]


@pytest.fixture(scope="session")
def licenses(house):
    return house["Licenses"]


@pytest.fixture(scope="session")
def manager(house):
    return house["LicenseManager"]


@pytest.fixture(scope="session")
def vault(house):
    return house["SessionVault"]


@pytest.fixture(scope="session")
def disputes(house):
    return house["Disputes"]


@pytest.fixture(scope="session")
def payer(accounts, house):
    """An account with plenty of test dollars, all of which the splitter may take."""
    account = accounts[8]
    house.usdc.mint(account, 10**9 * DOLLAR, sender=account)
    house.usdc.approve(house["RoyaltySplitter"], 2**256 - 1, sender=account)
    return account


@pytest.fixture(scope="session")
def bank(splitter, payer, relayer) -> Bank:
    return Bank(splitter, payer=payer, anyone=relayer)


@pytest.fixture(scope="session")
def family(chain, house, domain, creator, attestor) -> LicensedFamily:
    now = chain.pending_timestamp
    return LicensedFamily(house["StemRegistry"], domain, creator, attestor, now, manager=house["LicenseManager"])


@pytest.fixture(scope="session")
def probe(project, admin):
    return admin.deploy(project.LibraryProbe)


@pytest.fixture(scope="session")
def wallet(project, admin, creator):
    """A contract account for which the creator's key signs."""
    return admin.deploy(project.ContractWallet, creator, True)


@pytest.fixture(scope="session")
def unready_wallet(project, admin, creator):
    """A contract account that refuses every signature until it is prepared."""
    return admin.deploy(project.ContractWallet, creator, False)


@pytest.fixture(scope="session")
def domain(chain, registry) -> SigningDomain:
    return SigningDomain(chain_id=chain.chain_id, registry=registry.address)


@pytest.fixture
def make_song(chain, domain, creator, attestor) -> Callable[..., Commit]:
    def make(title: str = "A song") -> Commit:
        return song(title, domain=domain, creator=creator, attestor=attestor, now=chain.pending_timestamp)

    return make


@pytest.fixture
def commit(make_song) -> Commit:
    """A valid song that is not registered."""
    return make_song()


@pytest.fixture
def registered(registry, relayer, commit) -> Commit:
    """A song that the relayer has registered."""
    registry.registerAndCommit(*commit.arguments, sender=relayer)
    return commit


@pytest.fixture(scope="session")
def market(chain, house, domain, creator, attestor, relayer, buyer) -> Market:
    """A registered song of the creator's, published terms, and a buyer with dollars that the splitter may take."""
    song_for_sale = song(
        "A song for sale", domain=domain, creator=creator, attestor=attestor, now=chain.pending_timestamp
    )
    house["StemRegistry"].registerAndCommit(*song_for_sale.arguments, sender=relayer)
    house.usdc.mint(buyer, 10**6 * DOLLAR, sender=buyer)
    house.usdc.approve(house["RoyaltySplitter"], 2**256 - 1, sender=buyer)
    market = Market(house=house, chain=chain, song=song_for_sale, seller=creator, buyer=buyer)
    for terms in market.standard_terms:
        house["LicenseManager"].publishTerms(astuple(terms), sender=buyer)
    return market


@pytest.fixture(scope="session")
def terms_id(market) -> bytes:
    """Standard terms: PERSONAL, in dollars, for ever."""
    return market.publish()


@pytest.fixture
def set_fee(manager, roles, admin, chain) -> Callable[[int], None]:
    """Lets the protocol fee change the slow way; two days pass."""

    def change(fee_ppm: int) -> None:
        carry_out(chain, order(roles, manager.setFee, fee_ppm), admin)

    return change


@pytest.fixture(scope="session")
def budget(market, buyer, accounts) -> Budget:
    """The buyer as an owner of sessions, who lets the vault take dollars, and its agent."""
    market.house.usdc.approve(market.house["SessionVault"], 2**256 - 1, sender=buyer)
    return Budget(market=market, owner=buyer, agent=accounts[8])


@pytest.fixture(scope="module")
def session(budget, usdc, vault, buyer) -> Session:
    """An open session, and its owner's dollars in the vault."""
    vault.deposit(buyer, usdc, FUNDS, sender=buyer)
    session = budget.session(salt=77)
    budget.open(session)
    return session


@pytest.fixture
def spend(budget, market, vault, terms_id):
    """Lets the agent buy by an offer of its friend the seller, at a price of their choice."""
    nonces = iter(range(1000, 2000))

    def spend(session: Session, price: int = PRICE, **changes):
        nonce = next(nonces)
        basket = market.by_offer(market.offer(terms_id, price=price, nonce=nonce), salt=nonce, **changes)
        return vault.buy(astuple(session), *basket, sender=budget.agent)

    return spend


@pytest.fixture
def can_spend(budget, market, vault, terms_id):
    """The same in a simulation; raises Reverted."""

    def spend(session: Session, price: int = PRICE, *, terms: bytes = terms_id, caller=budget.agent, **changes):
        basket = market.by_offer(market.offer(terms, price=price, nonce=999), **changes)
        simulate(vault.buy, astuple(session), *basket, sender=caller)

    return spend


@pytest.fixture(scope="session", autouse=True)
def shared(house, payer, probe, wallet, unready_wallet, market, budget) -> None:
    """Whatever several modules share is there before the first test, or the end of a module would undo it."""


@pytest.fixture(scope="module", autouse=True)
def undone_after_each_module(chain, shared) -> Iterator[None]:
    """Other modules see nothing of what a module does to the chain."""
    with isolated():
        yield


@pytest.fixture(autouse=True)
def undone_after_each_test(chain, undone_after_each_module) -> Iterator[None]:
    """Other tests see nothing of what a test does to the chain."""
    with isolated():
        yield
