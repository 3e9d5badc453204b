"""Signing in: only the holder of the key, here, now, once."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest

from api.identity.accounts import Account
from api.identity.tokens import TokenIssuer
from tests.api.conftest import RunningApi
from tests.api.people import ARTIST_KEY, Person, assert_problem, siwe_message, stamp

pytestmark = pytest.mark.anyio


@pytest.fixture
def api(shared_api: RunningApi) -> RunningApi:
    return shared_api


async def test_a_signed_message_becomes_a_token_of_ten_minutes(api: RunningApi, anybody: Person) -> None:
    answer = await anybody.login(siwe_message(await anybody.challenge(), anybody.address))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["expires_in"] == 600
    assert body["subject"] == f"eip155:31337:{anybody.address}"
    keys = (await anybody.http.get("/.well-known/jwks.json")).json()
    [key] = jwt.PyJWKSet.from_dict(keys).keys
    claims = jwt.decode(body["access_token"], key, algorithms=["ES256"], audience=api.url, issuer=api.url)
    assert claims["sub"] == body["subject"]
    assert claims["exp"] - claims["iat"] == 600
    header = jwt.get_unverified_header(body["access_token"])
    assert (header["typ"], header["alg"], header["kid"]) == ("at+jwt", "ES256", key.key_id)


async def test_a_nonce_is_good_once(anybody: Person) -> None:
    message = siwe_message(await anybody.challenge(), anybody.address)
    assert (await anybody.login(message)).status_code == 200
    assert_problem(await anybody.login(message), 401, "login_nonce_invalid")


async def test_of_two_logins_at_once_with_one_nonce_one_succeeds(anybody: Person) -> None:
    message = siwe_message(await anybody.challenge(), anybody.address)
    answers = await asyncio.gather(*(anybody.login(message) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 5


async def test_a_failed_login_does_not_burn_the_nonce(anybody: Person) -> None:
    message = siwe_message(await anybody.challenge(), anybody.address)
    assert_problem(await anybody.login(message, "0x" + "11" * 65), 401, "login_signature_invalid")
    assert (await anybody.login(message)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"domain": "evil.example"}, "login_domain_mismatch"),
        ({"uri": "https://evil.example/login"}, "login_domain_mismatch"),
        ({"chain_id": 1}, "login_chain_mismatch"),
        ({"nonce": "neverissued12345"}, "login_nonce_invalid"),
        ({"issued_at": stamp(datetime.now(UTC) + timedelta(hours=1))}, "login_not_yet_valid"),
        ({"issued_at": stamp(datetime.now(UTC) - timedelta(hours=1))}, "login_expired"),
        ({"extra": f"\nExpiration Time: {stamp(datetime.now(UTC) - timedelta(seconds=1))}"}, "login_expired"),
        ({"extra": f"\nNot Before: {stamp(datetime.now(UTC) + timedelta(hours=1))}"}, "login_not_yet_valid"),
    ],
)
async def test_a_message_for_elsewhere_or_another_time_is_refused(
    anybody: Person, changes: dict[str, object], code: str
) -> None:
    message = siwe_message(await anybody.challenge(), anybody.address, **changes)
    assert_problem(await anybody.login(message), 401, code)


async def test_scheme_of_the_origin_must_match(anybody: Person) -> None:
    challenge = await anybody.challenge()
    message = siwe_message(challenge, anybody.address, domain=f"https://{challenge['domain']}")
    assert_problem(await anybody.login(message), 401, "login_domain_mismatch")


async def test_times_at_the_edge_of_the_calendar_are_refused(anybody: Person) -> None:
    message = siwe_message(await anybody.challenge(), anybody.address, issued_at="0001-01-01T00:00:00+23:59")
    assert_problem(await anybody.login(message), 422, "login_message_invalid")


@pytest.mark.parametrize("text", ["hello", "\n\n\n", "x" * 4000, "a." * 1900 + " wants you to sign in"])
async def test_what_is_no_siwe_message_is_refused(anybody: Person, text: str) -> None:
    assert_problem(await anybody.login(text), 422, "login_message_invalid")


async def test_an_old_nonce_is_refused(api: RunningApi, anybody: Person) -> None:
    from sqlalchemy import text

    challenge = await anybody.challenge()
    async with api.resources.engine.begin() as connection:
        await connection.execute(text("update app.login_nonces set expires_at = now() - interval '1 second'"))
    assert_problem(await anybody.login(siwe_message(challenge, anybody.address)), 401, "login_nonce_invalid")


async def test_another_key_cannot_sign_for_an_account(api: RunningApi, anybody: Person) -> None:
    artist = Person.of(api.url, ARTIST_KEY)
    message = siwe_message(await anybody.challenge(), artist.address)
    assert_problem(await anybody.login(message), 401, "login_signature_invalid")
    await artist.http.aclose()


async def test_a_message_changed_after_signing_is_refused(anybody: Person) -> None:
    signed = siwe_message(await anybody.challenge(), anybody.address)
    changed = signed.replace("Sign in.", "Sign out.")
    assert_problem(await anybody.login(changed, anybody.sign_text(signed)), 401, "login_signature_invalid")


async def test_a_bare_parity_as_v_is_understood(anybody: Person) -> None:
    message = siwe_message(await anybody.challenge(), anybody.address)
    signature = bytearray.fromhex(anybody.sign_text(message)[2:])
    signature[64] -= 27
    assert (await anybody.login(message, "0x" + signature.hex())).status_code == 200


async def test_the_body_must_fit_its_schema(anybody: Person) -> None:
    problem = assert_problem(
        await anybody.http.post("/auth/login", json={"message": "x", "signature": "nope"}), 422, "request_invalid"
    )
    assert problem["errors"][0]["at"] == "body/signature"
    broken = await anybody.http.post("/auth/login", content=b"{", headers={"content-type": "application/json"})
    assert_problem(broken, 400, "request_malformed")


async def test_tokens_of_others_are_refused(api: RunningApi, anybody: Person) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    account = Account(31337, bytes.fromhex(anybody.address[2:]))
    now = datetime.now(UTC)
    own = api.resources.issuer
    foreign = TokenIssuer([ec.generate_private_key(ec.SECP256R1())], issuer=api.url)
    elsewhere = TokenIssuer.from_file(api.settings.jwt_private_key_file, issuer="https://elsewhere.example")
    good = own.issue(account, now)
    head, body, signature = good.split(".")
    none_alg = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"
    bad = [
        foreign.issue(account, now),
        elsewhere.issue(account, now),
        own.issue(account, now - timedelta(minutes=11)),
        own.issue(account, now + timedelta(minutes=5)),
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{none_alg}.{body}.",
        "garbage",
    ]
    url = "/stems/uploads/00000000-0000-7000-8000-000000000000"
    assert (await anybody.http.get(url, headers={"Authorization": f"Bearer {good}"})).status_code == 404
    for token in bad:
        answer = await anybody.http.get(url, headers={"Authorization": f"Bearer {token}"})
        assert_problem(answer, 401, "token_invalid")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert_problem(await anybody.http.get(url), 401, "token_missing")
    assert_problem(await anybody.http.get(url, headers={"Authorization": "Basic eDp5"}), 401, "token_missing")


def test_an_outgoing_key_still_verifies(tmp_path_factory: pytest.TempPathFactory) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    account = Account(1, b"\x11" * 20)
    token = TokenIssuer([old], issuer="https://a.example").issue(account, datetime.now(UTC))
    assert TokenIssuer([new, old], issuer="https://a.example").verify(token) == account
    assert len(TokenIssuer([new, old], issuer="https://a.example").jwks()["keys"]) == 2


async def test_a_contract_account_signs_in_by_erc_1271(api: RunningApi, anybody: Person) -> None:
    """A contract that accepts everything: returns the ERC-1271 magic value to any call."""
    magic = "0x1626ba7e" + "00" * 28
    # PUSH32 magic, PUSH0, MSTORE, PUSH1 0x20, PUSH0, RETURN
    code = "0x7f" + magic[2:] + "5f5260205ff3"
    wallet = "0x00000000000000000000000000000000000A11ce"
    from eth_utils.address import to_checksum_address

    await api.resources.rpc.call("anvil_setCode", wallet, code)
    message = siwe_message(await anybody.challenge(), to_checksum_address(wallet))
    answer = await anybody.login(message, "0x1234")
    assert answer.status_code == 200, answer.text
    assert answer.json()["subject"].endswith(to_checksum_address(wallet))


async def test_without_a_node_a_contract_account_is_told_to_wait(api: RunningApi, anybody: Person) -> None:
    message = siwe_message(await anybody.challenge(), anybody.address)
    urls = list(api.resources.rpc._urls)
    api.resources.rpc._urls[:] = ["http://127.0.0.1:9"]
    try:
        assert_problem(await anybody.login(message, "0x1234"), 503, "rpc_unreachable")
    finally:
        api.resources.rpc._urls[:] = urls
    assert (await anybody.login(message)).status_code == 200, "a key's signature needs no node"


async def test_a_node_that_keeps_silent_holds_no_database_connections(api: RunningApi, anybody: Person) -> None:
    """More checks wait for the node than there are connections to the database; others are served all the same."""
    message = siwe_message(await anybody.challenge(), anybody.address)

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    node = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    urls = list(api.resources.rpc._urls)
    api.resources.rpc._urls[:] = [f"http://127.0.0.1:{node.sockets[0].getsockname()[1]}"]
    waiting = [asyncio.create_task(anybody.login(message, "0x1234")) for _ in range(15)]
    try:
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        async with asyncio.timeout(5):
            assert (await anybody.http.post("/auth/nonce")).status_code == 200
    finally:
        api.resources.rpc._urls[:] = urls
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        node.close()


async def test_the_site_is_the_public_url(api: RunningApi) -> None:
    async with httpx.AsyncClient(base_url=api.url) as http:
        challenge = (await http.post("/auth/nonce")).json()
    assert challenge["domain"] == api.url.removeprefix("http://")
    assert challenge["uri"] == api.url
    assert challenge["chainId"] == 31337
