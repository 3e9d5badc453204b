"""The chain of the tour: contracts by name, transactions of local keys, refusals, and what everyone paid for gas."""

from collections import Counter
from typing import Any

import click
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError
from web3.types import RPCEndpoint, TxReceipt

from stemma.chain.authorizations import TokenDomain
from stemma.chain.calls import Revert, decode_revert
from stemma.chain.deployments import Deployment
from stemma.chain.licensing import NATIVE

DOLLAR = 10**6
ETHER = 10**18
ONE_HOUR = 3600
MAX_FEE_PER_GAS = 10 * 10**9
"""Wei; the base fee of a development chain is below it."""


class TourFailed(click.ClickException):
    """Something on the chain is not as the rules say it must be."""


def _function(name: str, returns: str, *takes: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "inputs": [{"name": f"a{at}", "type": kind} for at, kind in enumerate(takes)],
        "outputs": [{"name": "", "type": returns}] if returns else [],
        "stateMutability": "view" if returns else "nonpayable",
    }


# Of ERC-20, ERC-2612 and contracts/dev/TestUSDC.sol what the tour calls.
_DOLLAR_ABI = [
    _function("mint", "", "address", "uint256"),
    _function("approve", "", "address", "uint256"),
    _function("transfer", "", "address", "uint256"),
    _function("balanceOf", "uint256", "address"),
    _function("nonces", "uint256", "address"),
    _function("name", "string"),
    _function("version", "string"),
]


class TourChain:
    """A development chain on which the house stands. Every transaction is mined in a block of its own."""

    def __init__(self, url: str, deployment: Deployment) -> None:
        # web3 asks for the chain's id before most calls.
        provider = HTTPProvider(url, cache_allowed_requests=True, cacheable_requests={RPCEndpoint("eth_chainId")})
        self.web3 = Web3(provider)
        self.deployment = deployment
        self.gas_paid: Counter[str] = Counter()
        """Wei by address."""
        self.transactions = 0
        self._nonces: dict[str, int] = {}
        self._contracts = {
            name: self.web3.eth.contract(to_checksum_address(contract.address), abi=contract.abi)
            for name, contract in deployment.contracts.items()
        }
        usdc = to_checksum_address(deployment.tokens["USDC"])
        self.usdc: Contract = self.web3.eth.contract(usdc, abi=_DOLLAR_ABI)

    def __getitem__(self, name: str) -> Contract:
        return self._contracts[name]

    @property
    def id(self) -> int:
        return self.deployment.chain_id

    @property
    def now(self) -> int:
        """Seconds, of the newest block."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    @property
    def dollar_domain(self) -> TokenDomain:
        functions = self.usdc.functions
        return TokenDomain(functions.name().call(), functions.version().call(), self.id, self.usdc.address)

    def balance(self, account: str, token: str) -> int:
        """In base units."""
        if token == NATIVE:
            return int(self.web3.eth.get_balance(to_checksum_address(account)))
        return int(self.usdc.functions.balanceOf(account).call())

    def pass_time(self, seconds: int) -> None:
        """Mine a block so much later. Development nodes only."""
        self.web3.provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])
        self.web3.provider.make_request(RPCEndpoint("evm_mine"), [])

    def mine(self) -> None:
        """Mine an empty block. Nodes simulate calls in the newest block, where a commitment may still be too young."""
        self.web3.provider.make_request(RPCEndpoint("evm_mine"), [])

    # ------------------------------------------------------------------ acting

    def send(self, sender: LocalAccount, call: ContractFunction, value: int = 0) -> TxReceipt:
        """Send a call and wait until it is mined. Raises TourFailed with the contract's error if it is refused."""
        return self.send_raw(sender, call.address, HexBytes(call._encode_transaction_data()), value)

    def send_raw(self, sender: LocalAccount, to: str | None, data: bytes = b"", value: int = 0) -> TxReceipt:
        """Send coin or bytes, or, to None, create a contract. Raises TourFailed as ``send`` does."""
        transaction: dict[str, Any] = {
            "chainId": self.id,
            "from": sender.address,
            "data": HexBytes(data),
            "value": value,
            "nonce": self._next_nonce(sender),
            "maxFeePerGas": MAX_FEE_PER_GAS,
            "maxPriorityFeePerGas": 1,
        }
        if to is not None:
            transaction["to"] = to_checksum_address(to)
        try:
            # A quarter more: what is refunded at the end was needed before.
            transaction["gas"] = self.web3.eth.estimate_gas(transaction) * 5 // 4
        except ContractLogicError as error:
            raise TourFailed(f"the chain refused what the tour's rules allow: {_revert(error)}") from error
        signed = sender.sign_transaction(transaction)
        digest = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = self.web3.eth.wait_for_transaction_receipt(digest, timeout=30, poll_latency=0.005)
        if receipt["status"] != 1:
            raise TourFailed(f"transaction {digest.to_0x_hex()} reverted")
        self._nonces[sender.address] += 1
        self.gas_paid[sender.address] += receipt["gasUsed"] * receipt["effectiveGasPrice"]
        self.transactions += 1
        return receipt

    def _next_nonce(self, sender: LocalAccount) -> int:
        if sender.address not in self._nonces:
            self._nonces[sender.address] = self.web3.eth.get_transaction_count(sender.address)
        return self._nonces[sender.address]

    def refusal(self, sender: LocalAccount, call: ContractFunction, error: str) -> Revert:
        """What a call would revert with. Raises TourFailed if it goes through, or reverts with another error."""
        try:
            call.call({"from": sender.address})
        except ContractLogicError as refused:
            revert = _revert(refused)
            if isinstance(revert, Revert) and revert.name == error:
                return revert
            raise TourFailed(f"{call.fn_name} was refused with {revert}, not with {error}") from refused
        raise TourFailed(f"{call.fn_name} went through, which should have been refused with {error}")


def _revert(error: ContractLogicError) -> Revert | str:
    data = HexBytes(error.data) if isinstance(error.data, str) else b""
    return decode_revert(bytes(data)) or str(error)
