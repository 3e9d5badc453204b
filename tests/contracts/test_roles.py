"""Roles: what waits 48 hours, who may stop it, what may be taken away at once, and what nobody can do."""

import pytest
from reverting import reverts, simulate, simulate_deployment
from timelock import ARBITER_ROLE, ATTESTOR_ROLE, DELAY, GUARDIAN_ROLE, Waiting, carry_out, grant, order, wait

ZERO = "0x" + "00" * 20
ADMIN_OF_ROLES = bytes(32)


class TestConstructor:
    def test_first_holders(self, roles, admin, guardian, attestor, arbiter, stranger):
        holders = {"isAdmin": admin, "isGuardian": guardian, "isAttestor": attestor, "isArbiter": arbiter}
        for question, holder in holders.items():
            for account in (admin, guardian, attestor, arbiter, stranger):
                assert getattr(roles, question)(account) is (account == holder), (question, account)

    def test_holds_the_roles_itself(self, roles, admin, guardian):
        assert roles.hasRole(ADMIN_OF_ROLES, roles)
        for account in (admin, guardian):
            assert not roles.hasRole(ADMIN_OF_ROLES, account)
        for role in (ATTESTOR_ROLE, ARBITER_ROLE, GUARDIAN_ROLE, roles.PROPOSER_ROLE(), roles.EXECUTOR_ROLE()):
            assert roles.getRoleAdmin(role) == ADMIN_OF_ROLES

    def test_delay(self, roles):
        assert roles.getMinDelay() == DELAY == 172_800

    def test_several_of_each(self, project, admin, guardian, accounts):
        roles = admin.deploy(project.Roles, admin, guardian, accounts[1:3], accounts[3:5])
        assert [roles.isAttestor(account) for account in accounts[1:5]] == [True, True, False, False]
        assert [roles.isArbiter(account) for account in accounts[1:5]] == [False, False, True, True]

    @pytest.mark.parametrize("place", range(4))
    def test_nobody_gets_no_role(self, project, admin, guardian, place):
        """Zero as executor would be everyone, and as attestor whoever sends a malformed signature."""
        arguments = [admin.address, guardian.address, [], []]
        arguments[place] = ZERO if place < 2 else [ZERO]
        with reverts("ZeroAddress"):
            simulate_deployment(project.Roles, *arguments, sender=admin)


class TestWaiting:
    """Every grant is scheduled by the admin and waits 48 hours in the open."""

    @pytest.fixture
    def grant_stranger(self, roles, stranger):
        return order(roles, roles.grantRole, ATTESTOR_ROLE, stranger)

    def test_granted_after_48_hours(self, roles, chain, admin, stranger, grant_stranger):
        scheduled = grant_stranger.schedule(admin)
        assert [log.id for log in scheduled.decode_logs(roles.CallScheduled)] == [grant_stranger.id]
        wait(chain, DELAY - 10)
        with reverts("TimelockUnexpectedOperationState"):
            simulate(roles.execute, *grant_stranger.call, sender=admin)
        assert not roles.isAttestor(stranger)
        wait(chain, 10)
        receipt = grant_stranger.execute(admin)
        assert receipt.decode_logs(roles.RoleGranted) == [
            roles.RoleGranted(role=ATTESTOR_ROLE, account=stranger, sender=roles)
        ]
        assert roles.isAttestor(stranger)

    def test_cannot_wait_less(self, roles, admin, grant_stranger):
        with reverts("TimelockInsufficientDelay", delay=DELAY - 1, minDelay=DELAY):
            simulate(roles.schedule, *grant_stranger.call, DELAY - 1, sender=admin)

    def test_admin_schedules_and_executes(self, roles, chain, admin, guardian, attestor, stranger, grant_stranger):
        for account in (guardian, attestor, stranger):
            with reverts("AccessControlUnauthorizedAccount", account=account.address):
                simulate(roles.schedule, *grant_stranger.call, DELAY, sender=account)
        grant_stranger.schedule(admin)
        wait(chain)
        for account in (guardian, attestor, stranger):
            with reverts("AccessControlUnauthorizedAccount", account=account.address):
                simulate(roles.execute, *grant_stranger.call, sender=account)

    def test_nobody_grants_directly(self, roles, admin, guardian, stranger):
        for account in (admin, guardian, stranger):
            with reverts("AccessControlUnauthorizedAccount", account=account.address, neededRole=ADMIN_OF_ROLES):
                simulate(roles.grantRole, ATTESTOR_ROLE, stranger, sender=account)

    def test_guardian_cancels(self, roles, chain, admin, guardian, stranger, grant_stranger):
        grant_stranger.schedule(admin)
        receipt = roles.cancel(grant_stranger.id, sender=guardian)
        assert list(receipt.events) == [roles.Cancelled(id=grant_stranger.id)]
        wait(chain)
        with reverts("TimelockUnexpectedOperationState"):
            simulate(roles.execute, *grant_stranger.call, sender=admin)

    def test_who_proposes_does_not_cancel(self, roles, admin, stranger, grant_stranger):
        grant_stranger.schedule(admin)
        for account in (admin, stranger):
            with reverts("AccessControlUnauthorizedAccount", account=account.address, neededRole=GUARDIAN_ROLE):
                simulate(roles.cancel, grant_stranger.id, sender=account)

    def test_delay_is_fixed(self, roles, chain, admin, stranger):
        for account in (admin, stranger):
            with reverts("DelayIsFixed"):
                simulate(roles.updateDelay, 0, sender=account)
        shorter = order(roles, roles.updateDelay, 0)
        shorter.schedule(admin)
        wait(chain)
        with reverts("DelayIsFixed"):
            simulate(roles.execute, *shorter.call, sender=admin)

    def test_nobody_gets_no_role(self, roles, chain, admin):
        nobody = order(roles, roles.grantRole, ATTESTOR_ROLE, ZERO)
        nobody.schedule(admin)
        wait(chain)
        with reverts("ZeroAddress"):
            simulate(roles.execute, *nobody.call, sender=admin)

    def test_the_admin_is_replaced_like_anyone(self, roles, chain, admin, stranger):
        for role in (roles.PROPOSER_ROLE(), roles.EXECUTOR_ROLE()):
            grant(roles, admin, chain, stranger.address, role)
        carry_out(chain, order(roles, roles.revokeRole, roles.PROPOSER_ROLE(), admin), stranger)
        assert roles.isAdmin(stranger)
        assert not roles.isAdmin(admin)

    def test_the_guardian_is_replaced_like_anyone(self, roles, chain, admin, guardian, stranger):
        grant(roles, admin, chain, stranger.address, GUARDIAN_ROLE)
        carry_out(chain, order(roles, roles.revokeRole, GUARDIAN_ROLE, guardian), admin)
        assert roles.isGuardian(stranger)
        assert not roles.isGuardian(guardian)


class TestTimelock:
    """What OpenZeppelin's timelock refuses, whose errors are the house's too."""

    def test_before_what_it_waits_for(self, roles, chain, admin, stranger):
        first = order(roles, roles.grantRole, ATTESTOR_ROLE, stranger)
        data = roles.grantRole.encode_input(ARBITER_ROLE, stranger)
        second = (roles.address, 0, data, first.id, bytes(32))
        first.schedule(admin)
        roles.schedule(*second, DELAY, sender=admin)
        wait(chain)
        with reverts("TimelockUnexecutedPredecessor", predecessorId=first.id):
            simulate(roles.execute, *second, sender=admin)
        first.execute(admin)
        roles.execute(*second, sender=admin)
        assert roles.isArbiter(stranger)

    def test_a_batch_of_unequal_lists(self, roles, admin):
        with reverts("TimelockInvalidOperationLength", targets=1, payloads=0, values=1):
            simulate(roles.scheduleBatch, [roles], [0], [], bytes(32), bytes(32), DELAY, sender=admin)

    def test_a_call_that_fails_without_a_word(self, roles, chain, admin, ipnft):
        fails = Waiting(roles, ipnft.address, b"\xff" * 4)
        fails.schedule(admin)
        wait(chain)
        with reverts("FailedCall"):
            simulate(roles.execute, *fails.call, sender=admin)

    def test_giving_up_a_role_of_somebody_else(self, roles, admin, attestor):
        with reverts("AccessControlBadConfirmation"):
            simulate(roles.renounceRole, ATTESTOR_ROLE, attestor, sender=admin)


class TestAtOnce:
    def test_guardian_and_admin_revoke_attestors(self, roles, registry, commit, relayer, admin, guardian, attestor):
        for account in (guardian, admin):
            with reverts("AccessControlUnauthorizedAccount"):
                simulate(roles.revokeRole, ATTESTOR_ROLE, attestor, sender=account)
        receipt = roles.revokeAttestor(attestor, sender=guardian)
        assert list(receipt.events) == [roles.RoleRevoked(role=ATTESTOR_ROLE, account=attestor, sender=guardian)]
        assert not roles.isAttestor(attestor)
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *commit.arguments, sender=relayer)

    def test_admin_revokes_an_attestor(self, roles, admin, attestor):
        roles.revokeAttestor(attestor, sender=admin)
        assert not roles.isAttestor(attestor)

    def test_admin_revokes_an_arbiter(self, roles, disputes, admin, arbiter, registered, chain):
        receipt = roles.revokeArbiter(arbiter, sender=admin)
        assert list(receipt.events) == [roles.RoleRevoked(role=ARBITER_ROLE, account=arbiter, sender=admin)]
        with reverts("NotArbiter", caller=arbiter.address):
            until = chain.pending_timestamp + 3600
            simulate(disputes.flag, registered.recording_id, until, bytes(32), sender=arbiter)

    def test_again_changes_nothing(self, roles, guardian, stranger):
        assert list(roles.revokeAttestor(stranger, sender=guardian).events) == []

    def test_not_by_others(self, roles, guardian, attestor, arbiter, stranger):
        for account in (attestor, arbiter, stranger):
            with reverts("NotGuardian", caller=account.address):
                simulate(roles.revokeAttestor, attestor, sender=account)
        for account in (guardian, attestor, stranger):
            with reverts("NotAdmin", caller=account.address):
                simulate(roles.revokeArbiter, arbiter, sender=account)

    def test_granted_again_after_48_hours(self, roles, registry, admin, attestor, commit, relayer, chain):
        roles.revokeAttestor(attestor, sender=admin)
        commit = commit.registering(deadline=commit.registration.deadline + 2 * DELAY)
        commit = commit.but(attestation_deadline=commit.attestation_deadline + 2 * DELAY)
        grant(roles, admin, chain, attestor.address)
        registry.registerAndCommit(*commit.arguments, sender=relayer)
        assert registry.exists(commit.recording_id)

    def test_what_was_attested_stays(self, roles, registry, guardian, attestor, registered):
        roles.revokeAttestor(attestor, sender=guardian)
        assert registry.separationRootOf(registered.recording_id) == registered.separation_root


class TestContractAttestor:
    """An attestor that is a contract puts its address before the signature that its ERC-1271 accepts."""

    @pytest.fixture
    def by_wallet(self, roles, admin, chain, wallet, creator, make_song):
        grant(roles, admin, chain, wallet.address)
        prefix = bytes.fromhex(wallet.address[2:])
        return make_song().but(attestor_key=creator.private_key, attestor_prefix=prefix)

    def test_attests(self, registry, by_wallet, wallet, relayer):
        receipt = registry.registerAndCommit(*by_wallet.arguments, sender=relayer)
        [registered] = receipt.decode_logs(registry.RecordingRegistered)
        assert registered.attestor == wallet.address

    def test_attests_an_origin(self, registry, by_wallet, wallet, relayer):
        receipt = registry.registerAttested(*by_wallet.origin_arguments, sender=relayer)
        [registered] = receipt.decode_logs(registry.RecordingRegistered)
        assert registered.attestor == wallet.address

    def test_refuses_other_keys(self, registry, by_wallet, stranger, relayer):
        with reverts("InvalidAttestation"):
            forged = by_wallet.but(attestor_key=stranger.private_key)
            simulate(registry.registerAndCommit, *forged.arguments, sender=relayer)

    def test_address_is_needed(self, registry, by_wallet, relayer):
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *by_wallet.but(attestor_prefix=b"").arguments, sender=relayer)

    def test_wallet_without_the_role(self, roles, registry, admin, wallet, by_wallet, relayer):
        roles.revokeAttestor(wallet, sender=admin)
        with reverts("InvalidAttestation"):
            simulate(registry.registerAndCommit, *by_wallet.arguments, sender=relayer)

    def test_key_with_its_own_address_before(self, registry, attestor, commit, relayer):
        prefixed = commit.but(attestor_prefix=bytes.fromhex(attestor.address[2:]))
        receipt = registry.registerAndCommit(*prefixed.arguments, sender=relayer)
        [registered] = receipt.decode_logs(registry.RecordingRegistered)
        assert registered.attestor == attestor.address
