"""Ceilings of gas and code size, a little above what was measured: whoever raises one does it knowingly."""

import pytest

from stemma.chain.intents import Share
from stemma.works import Kind

EIP_170_BYTES = 24_576


@pytest.mark.parametrize(("contract", "ceiling"), [("StemRegistry", 9_100), ("IPNFT", 6_700)])
def test_code_size(project, contract, ceiling):
    size = len(getattr(project, contract).contract_type.runtime_bytecode.to_bytes())
    assert size <= ceiling < EIP_170_BYTES


def test_register_and_commit(registry, relayer, commit):
    assert registry.registerAndCommit(*commit.arguments, sender=relayer).gas_used <= 162_000


def test_register_and_commit_for_a_contract_account(registry, relayer, wallet, commit):
    commit = commit.registering(creator=wallet.address)
    assert registry.registerAndCommit(*commit.arguments, sender=relayer).gas_used <= 172_000


def test_register_and_commit_with_sixteen_slots(registry, relayer, commit, accounts):
    commit = commit.registering(split=tuple(Share(accounts[i % 10].address, 62_500) for i in range(16)))
    assert registry.registerAndCommit(*commit.arguments, sender=relayer).gas_used <= 239_000


def test_mint(ipnft, creator, registered):
    assert ipnft.mint(registered.recording_id, creator, sender=creator).gas_used <= 79_000
    assert ipnft.mint(registered.recording_id | Kind.VOCALS, creator, sender=creator).gas_used <= 65_000
