"""stemma.chain.signatures.verify against accounts on a chain: keys, contracts, and accounts that are not there yet."""

import asyncio
from typing import Any

import pytest
from commits import digest
from eth_abi.abi import encode
from eth_account import Account
from nodes import Reverted
from reverting import simulate

from stemma.chain.signatures import ERC6492_SUFFIX, verify

MESSAGE = digest("message")
SALT = digest("salt")


class ChainRpc:
    """The connected chain as a JSON-RPC client, so that the check runs on either provider."""

    def __init__(self, web3) -> None:
        self._web3 = web3

    async def call(self, method: str, transaction: dict[str, str], block: str) -> Any:
        assert (method, block) == ("eth_call", "latest")
        # eth-tester lets nobody call who could not pay for it, and the check's own caller owns nothing.
        return "0x" + self._web3.eth.call(transaction | {"from": self._web3.eth.accounts[0]}).hex()


@pytest.fixture
def check(chain):
    def check(address: str, signature: bytes, message: bytes = MESSAGE) -> bool:
        return asyncio.run(verify(address, message, signature, ChainRpc(chain.provider.web3)))

    return check


@pytest.fixture(scope="session")
def wallets(project, admin):
    return admin.deploy(project.ContractWalletFactory)


def sign(account, message: bytes = MESSAGE) -> bytes:
    return bytes(Account.unsafe_sign_hash(message, account.private_key).signature)


def wrap(factory: str, call: bytes, signature: bytes) -> bytes:
    return encode(["address", "bytes", "bytes"], [factory, call, signature]) + ERC6492_SUFFIX


class TestKey:
    def test_own(self, check, creator):
        assert check(creator.address, sign(creator))

    def test_other(self, check, creator, stranger):
        assert not check(creator.address, sign(stranger))

    def test_other_message(self, check, creator):
        assert not check(creator.address, sign(creator, digest("another message")))

    def test_wrapped(self, check, creator, stranger):
        """An ERC-6492 wrapper around a key's own signature: nothing needs to be deployed."""
        assert check(creator.address, wrap(stranger.address, b"", sign(creator)))
        assert not check(creator.address, wrap(stranger.address, b"", sign(stranger)))


class TestContract:
    def test_owner_signs(self, check, wallet, creator):
        assert check(wallet.address, sign(creator))

    def test_other_signs(self, check, wallet, stranger):
        assert not check(wallet.address, sign(stranger))

    def test_not_ready(self, check, unready_wallet, creator):
        assert not check(unready_wallet.address, sign(creator))

    def test_prepared_by_the_wrapper(self, check, unready_wallet, creator, stranger):
        prepare = unready_wallet.prepare.encode_input()
        assert check(unready_wallet.address, wrap(unready_wallet.address, prepare, sign(creator)))
        assert not check(unready_wallet.address, wrap(unready_wallet.address, prepare, sign(stranger)))
        assert not unready_wallet.ready(), "the check must leave no trace"

    def test_without_erc1271(self, check, probe, creator):
        assert not check(probe.address, sign(creator))


class TestCounterfactual:
    @pytest.fixture
    def future_wallet(self, wallets, creator) -> str:
        return wallets.addressOf(creator, SALT)

    @pytest.fixture
    def deployment(self, wallets, creator) -> bytes:
        return wallets.create.encode_input(creator, SALT)

    def test_owner_signs(self, check, wallets, future_wallet, deployment, creator, chain):
        assert check(future_wallet, wrap(wallets.address, deployment, sign(creator)))
        assert chain.provider.get_code(future_wallet) == b"", "the check must leave no trace"

    def test_other_signs(self, check, wallets, future_wallet, deployment, stranger):
        assert not check(future_wallet, wrap(wallets.address, deployment, sign(stranger)))

    def test_deploys_something_else(self, check, wallets, future_wallet, creator):
        elsewhere = wallets.create.encode_input(creator, digest("other salt"))
        assert not check(future_wallet, wrap(wallets.address, elsewhere, sign(creator)))

    def test_deployment_fails(self, check, wallets, future_wallet, creator):
        assert not check(future_wallet, wrap(wallets.address, b"\xde\xad\xbe\xef", sign(creator)))

    def test_unwrapped(self, check, future_wallet, creator):
        assert not check(future_wallet, sign(creator))

    def test_already_deployed(self, check, wallets, deployment, creator):
        wallets.create(creator, SALT, sender=creator)
        wallet = wallets.addressOf(creator, SALT)
        assert check(wallet, wrap(wallets.address, deployment, sign(creator)))
        assert check(wallet, sign(creator))


class TestMalformed:
    @pytest.mark.parametrize(
        "signature",
        [
            b"",
            b"\x00",
            b"\x00" * 64,
            b"\x00" * 65,
            b"\xff" * 65,
            b"\x01" * 400,
            ERC6492_SUFFIX,
            b"\x01" * 96 + ERC6492_SUFFIX,
            b"".join(word.to_bytes(32, "big") for word in (0, 96, 96, 2**63)) + ERC6492_SUFFIX,
            b"".join(word.to_bytes(32, "big") for word in (0, 2**255, 96, 0)) + ERC6492_SUFFIX,
        ],
        ids=lambda signature: f"{len(signature)} bytes {signature[95:104].hex()}",
    )
    def test_is_nobodys(self, check, creator, wallet, signature):
        for address in (creator.address, wallet.address, "0x" + "00" * 20, "0x" + "00" * 19 + "01"):
            assert not check(address, signature)

    def test_too_long(self, check, wallet, creator):
        assert not check(wallet.address, wrap(wallet.address, b"\x00" * 20_000, sign(creator)))


def test_wallet_for_development_obeys_its_owner_only(wallet, stranger):
    with pytest.raises(Reverted):
        simulate(wallet.execute, wallet, b"", sender=stranger)
