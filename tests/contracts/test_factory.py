"""DeploymentFactory: addresses that depend on the factory's alone, one deployer, strictly in turn."""

import pytest
from eth_utils import keccak, to_checksum_address
from nodes import Failed
from reverting import reverts, simulate

from scripts.deploy import created_address

ZERO = "0x" + "00" * 20


@pytest.fixture
def factory(project, admin):
    return admin.deploy(project.DeploymentFactory, admin)


@pytest.fixture(scope="session")
def init_code(project, admin, guardian, attestor):
    code = bytes(project.Roles.contract_type.deployment_bytecode.to_bytes())
    return code + project.Roles.constructor.encode_input(admin, guardian, [attestor], [])


def test_creates_at_the_predicted_addresses(project, factory, admin, init_code):
    first, second = (created_address(factory.address, n) for n in (1, 2))
    receipt = factory.create(1, init_code, sender=admin)
    assert project.Roles.at(first).isAdmin(admin)
    [created] = receipt.decode_logs(factory.Created)
    assert (created.n, created.at) == (1, first)
    title_code = bytes(project.IPNFT.contract_type.deployment_bytecode.to_bytes())
    factory.create(2, title_code + bytes(12) + bytes.fromhex(first[2:]), sender=admin)
    assert project.IPNFT.at(second).registry() == first
    assert factory.created() == 2


def test_code_hash_is_logged(factory, admin, init_code, chain):
    [created] = factory.create(1, init_code, sender=admin).decode_logs(factory.Created)
    assert created.codeHash == keccak(chain.provider.get_code(created.at))


def test_predicted_address():
    factory = "0x" + "ab" * 20
    by_hand = keccak(bytes.fromhex("d694" + "ab" * 20 + "05"))[12:]
    assert created_address(factory, 5) == to_checksum_address(by_hand)


def test_only_its_deployer(factory, admin, stranger, init_code):
    assert factory.deployer() == admin.address
    with reverts("NotDeployer", caller=stranger.address, deployer=admin.address):
        simulate(factory.create, 1, init_code, sender=stranger)


@pytest.mark.parametrize("n", [0, 2])
def test_out_of_turn(factory, admin, init_code, n):
    with reverts("OutOfTurn", given=n, expected=1):
        simulate(factory.create, n, init_code, sender=admin)


def test_a_number_is_used_once(factory, admin, init_code):
    factory.create(1, init_code, sender=admin)
    with reverts("OutOfTurn", given=1, expected=2):
        simulate(factory.create, 1, init_code, sender=admin)


def test_constructors_reason_comes_through(project, factory, admin):
    code = bytes(project.Roles.contract_type.deployment_bytecode.to_bytes())
    with reverts("ZeroAddress"):
        arguments = project.Roles.constructor.encode_input(admin, ZERO, [], [])
        simulate(factory.create, 1, code + arguments, sender=admin)


def test_failure_without_reason(factory, admin):
    with reverts("CreationFailed", n=1):
        simulate(factory.create, 1, b"\xfe", sender=admin)
    assert factory.created() == 0


def test_creation_without_code(factory, admin):
    """Creation code that returns nothing succeeds, and would leave an empty account at the number's address."""
    for nothing in (b"", b"\x00"):
        with reverts("CreationFailed", n=1):
            simulate(factory.create, 1, nothing, sender=admin)


def test_failure_does_not_use_the_number_up(factory, admin, init_code):
    with pytest.raises(Failed):
        factory.create(1, b"\xfe", sender=admin, gas=1_000_000)
    [created] = factory.create(1, init_code, sender=admin).decode_logs(factory.Created)
    assert created.at == created_address(factory.address, 1)
