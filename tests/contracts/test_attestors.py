"""Who may attest: the role, its events, and attestors that are contracts."""

import pytest
from reverting import reverts, simulate, simulate_deployment

ZERO = "0x" + "00" * 20


class TestConstructor:
    def test_admin_and_first_attestors(self, project, admin, stranger, attestor, buyer):
        registry = admin.deploy(project.StemRegistry, stranger, [attestor, buyer])
        assert registry.admin() == stranger.address
        assert registry.isAttestor(attestor)
        assert registry.isAttestor(buyer)
        assert not registry.isAttestor(stranger)
        block = registry.creation_metadata.block
        granted = [log.attestor for log in registry.AttestorGranted.range(block, block + 1)]
        assert granted == [attestor.address, buyer.address]

    def test_no_attestors(self, project, admin):
        assert admin.deploy(project.StemRegistry, admin, []).admin() == admin.address

    def test_zero_admin(self, project, admin):
        with reverts("ZeroAddress"):
            simulate_deployment(project.StemRegistry, ZERO, [], sender=admin)

    def test_zero_attestor(self, project, admin):
        with reverts("ZeroAddress"):
            simulate_deployment(project.StemRegistry, admin, [ZERO], sender=admin)

    def test_attestor_twice(self, project, admin, attestor):
        with reverts("AlreadyAttestor", account=attestor.address):
            simulate_deployment(project.StemRegistry, admin, [attestor, attestor], sender=admin)


class TestGrant:
    def test_granted_may_attest(self, registry, admin, stranger, commit, relayer):
        receipt = registry.grantAttestor(stranger, sender=admin)
        assert list(receipt.events) == [registry.AttestorGranted(attestor=stranger)]
        registry.registerAndCommit(*commit.but(attestor_key=stranger.private_key).arguments, sender=relayer)
        assert registry.exists(commit.recording_id)

    def test_not_admin(self, registry, stranger, attestor):
        for caller in (stranger, attestor):
            with reverts("NotAdmin", caller=caller.address):
                simulate(registry.grantAttestor, stranger, sender=caller)

    def test_already(self, registry, admin, attestor):
        with reverts("AlreadyAttestor", account=attestor.address):
            simulate(registry.grantAttestor, attestor, sender=admin)

    def test_zero(self, registry, admin):
        with reverts("ZeroAddress"):
            simulate(registry.grantAttestor, ZERO, sender=admin)


class TestRevoke:
    def test_revoked_may_not_attest(self, registry, admin, attestor, commit, relayer):
        receipt = registry.revokeAttestor(attestor, sender=admin)
        assert list(receipt.events) == [registry.AttestorRevoked(attestor=attestor)]
        assert not registry.isAttestor(attestor)
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    def test_what_was_attested_stays(self, registry, admin, attestor, registered):
        registry.revokeAttestor(attestor, sender=admin)
        assert registry.stemsRootOf(registered.recording_id) == registered.separation.stems_root

    def test_can_be_granted_again(self, registry, admin, attestor, commit, relayer):
        registry.revokeAttestor(attestor, sender=admin)
        registry.grantAttestor(attestor, sender=admin)
        registry.registerAndCommit(*commit.arguments, sender=relayer)
        assert registry.exists(commit.recording_id)

    def test_not_admin(self, registry, attestor):
        with reverts("NotAdmin", caller=attestor.address):
            simulate(registry.revokeAttestor, attestor, sender=attestor)

    def test_no_attestor(self, registry, admin, stranger):
        with reverts("NotAttestor", account=stranger.address):
            simulate(registry.revokeAttestor, stranger, sender=admin)


class TestContractAttestor:
    """An attestor that is a contract puts its address before the signature that its ERC-1271 accepts."""

    @pytest.fixture
    def by_wallet(self, registry, admin, wallet, creator, commit):
        registry.grantAttestor(wallet, sender=admin)
        return commit.but(attestor_key=creator.private_key, attestor_prefix=bytes.fromhex(wallet.address[2:]))

    def test_attests(self, registry, by_wallet, wallet, relayer):
        receipt = registry.registerAndCommit(*by_wallet.arguments, sender=relayer)
        [registered] = receipt.decode_logs(registry.RecordingRegistered)
        assert registered.attestor == wallet.address

    def test_refuses_other_keys(self, registry, by_wallet, stranger, relayer):
        with reverts("InvalidAttestation"):
            simulate(
                registry.registerAndCommit, *by_wallet.but(attestor_key=stranger.private_key).arguments, sender=relayer
            )

    def test_address_is_needed(self, registry, by_wallet, relayer):
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *by_wallet.but(attestor_prefix=b"").arguments, sender=relayer)

    def test_wallet_without_the_role(self, registry, admin, wallet, by_wallet, relayer):
        registry.revokeAttestor(wallet, sender=admin)
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *by_wallet.arguments, sender=relayer)

    def test_key_with_its_own_address_before(self, registry, attestor, commit, relayer):
        prefixed = commit.but(attestor_prefix=bytes.fromhex(attestor.address[2:]))
        receipt = registry.registerAndCommit(*prefixed.arguments, sender=relayer)
        [registered] = receipt.decode_logs(registry.RecordingRegistered)
        assert registered.attestor == attestor.address
