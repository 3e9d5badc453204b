"""Questions and answers in Etherscan's shapes: `module` and `action`, always 200, `status` `1` or `0`."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from api.catalog.presentation import address as checksummed
from api.explorer import contracts, repository
from api.explorer.repository import LogFilter, TransferFilter
from api.reading import MAX_BLOCK, reading
from api.resources import Resources
from stemma.errors import AppError

MAX_LOGS = 1_000
MAX_TRANSFERS = 10_000
_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))

Answer = dict[str, Any]


class _Wrong(Exception):
    pass


async def answer(resources: Resources, asked: Mapping[str, str]) -> Answer:
    """Return the answer to a question; what is wrong with it is said in the answer."""
    action = _ACTIONS.get((asked.get("module", "").lower(), asked.get("action", "").lower()))
    try:
        if action is None:
            raise _Wrong("Error! Missing Or invalid Action name")
        result = await action(resources, asked)
    except _Wrong as wrong:
        return {"status": "0", "message": "NOTOK", "result": str(wrong)}
    except AppError as error:
        return {"status": "0", "message": "NOTOK", "result": f"Error! {error.title} ({error.code})"}
    if result == []:
        return {"status": "0", "message": "No records found", "result": []}
    return {"status": "1", "message": "OK", "result": result}


async def _get_logs(resources: Resources, asked: Mapping[str, str]) -> list[Answer]:
    page, size = _page(asked, MAX_LOGS)
    topics = tuple(_word(asked, f"topic{number}", 32) for number in range(4))
    operators = tuple(
        (first, second, asked.get(f"topic{first}_{second}_opr", "and").lower()) for first, second in _PAIRS
    )
    account = _word(asked, "address", 20)
    wanted = LogFilter(
        from_block=_block(asked, "fromBlock", 0),
        to_block=_block(asked, "toBlock", MAX_BLOCK),
        addresses=() if account is None else (account,),
        topics=topics,
        operators=operators,
    )
    async with reading(resources) as connection:
        rows = await repository.found(connection, wanted, limit=size, offset=(page - 1) * size)
    return [_log(row) for row in rows]


async def _transfers(resources: Resources, asked: Mapping[str, str]) -> list[Answer]:
    page, size = _page(asked, MAX_TRANSFERS)
    deployment = resources.deployment()
    collections = {
        bytes.fromhex(deployment.contracts[name].address[2:]): labels
        for name, labels in contracts.COLLECTIONS.items()
        if name in deployment.contracts
    }
    only, account = _word(asked, "contractaddress", 20), _word(asked, "address", 20)
    if only is None and account is None:
        raise _Wrong("Error! Missing address or contractaddress")
    addresses = tuple(each for each in collections if only in (None, each))
    if not addresses:
        return []
    wanted = TransferFilter(
        from_block=_block(asked, "startblock", 0),
        to_block=_block(asked, "endblock", MAX_BLOCK),
        collections=addresses,
        account=account,
    )
    async with reading(resources) as connection:
        head = await repository.current_head(connection)
        rows = await repository.transfers(
            connection,
            wanted,
            limit=size,
            offset=(page - 1) * size,
            newest_first=asked.get("sort", "asc").lower() == "desc",
        )
    newest = head.head_block_number if head is not None else 0
    return [_transfer(row, *collections[bytes(row.address)], newest) for row in rows]


async def _get_abi(resources: Resources, asked: Mapping[str, str]) -> str:
    _, contract = _contract(resources, asked)
    return json.dumps(contract.abi, separators=(",", ":"))


async def _get_source_code(resources: Resources, asked: Mapping[str, str]) -> list[Answer]:
    name, contract = _contract(resources, asked)
    source = contracts.standard_json_input(resources, contract)
    settings = json.loads(source).get("settings", {})
    optimizer = settings.get("optimizer", {})
    return [
        {
            "SourceCode": "{" + source.decode() + "}",  # double braces mark a standard-json input
            "ABI": json.dumps(contract.abi, separators=(",", ":")),
            "ContractName": name,
            "CompilerVersion": contract.compiler,
            "OptimizationUsed": "1" if optimizer.get("enabled") else "0",
            "Runs": str(optimizer.get("runs", 200)),
            "ConstructorArguments": contract.constructor_arguments.removeprefix("0x"),
            "EVMVersion": settings.get("evmVersion", "Default"),
            "Library": "",
            "LicenseType": "MIT",
            "Proxy": "0",
            "Implementation": "",
            "SwarmSource": "",
        }
    ]


_ACTIONS = {
    ("logs", "getlogs"): _get_logs,
    ("account", "tokennfttx"): _transfers,
    ("contract", "getabi"): _get_abi,
    ("contract", "getsourcecode"): _get_source_code,
}


def _contract(resources: Resources, asked: Mapping[str, str]) -> Any:
    account = _word(asked, "address", 20)
    found = None if account is None else contracts.by_address(resources.deployment(), f"0x{account.hex()}")
    if found is None:
        raise _Wrong("Contract source code not verified" if account else "Error! Invalid address format")
    return found


def _page(asked: Mapping[str, str], most: int) -> tuple[int, int]:
    page, size = (_number(asked, name, default) for name, default in (("page", 1), ("offset", most)))
    if page < 1 or not 1 <= size <= most or page * size > MAX_TRANSFERS:
        raise _Wrong(f"Error! Result window is too large, PageNo x Offset size must be at most {MAX_TRANSFERS}")
    return page, size


def _block(asked: Mapping[str, str], name: str, default: int) -> int:
    return default if asked.get(name, "latest").lower() == "latest" else _number(asked, name, default)


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise _Wrong(f"Error! Invalid {name}")
    return int(text)


def _word(asked: Mapping[str, str], name: str, size: int) -> bytes | None:
    text = asked.get(name, "").strip().lower()
    if not text:
        return None
    digits = text.removeprefix("0x")
    if len(digits) != 2 * size or not all(each in "0123456789abcdef" for each in digits):
        raise _Wrong(f"Error! Invalid {name} format")
    return bytes.fromhex(digits)


def _log(row: Row[Any]) -> Answer:
    """A log with numbers in hex. Gas is not indexed; its members are there because clients expect them."""
    return {
        "address": checksummed(row.address).lower(),
        "topics": [_hex(each) for each in (row.topic0, row.topic1, row.topic2, row.topic3) if each is not None],
        "data": _hex(row.data),
        "blockNumber": hex(row.block_number),
        "blockHash": _hex(row.block_hash),
        "timeStamp": hex(int(row.block_time.timestamp())),
        "gasPrice": "0x",
        "gasUsed": "0x",
        "logIndex": hex(row.log_index),
        "transactionHash": _hex(row.tx_hash),
        "transactionIndex": hex(row.tx_index),
    }


def _transfer(row: Row[Any], name: str, symbol: str, newest: int) -> Answer:
    return {
        "blockNumber": str(row.block_number),
        "timeStamp": str(int(row.block_time.timestamp())),
        "hash": _hex(row.tx_hash),
        "blockHash": _hex(row.block_hash),
        "from": _hex(bytes(row.topic1)[12:]),
        "contractAddress": _hex(row.address),
        "to": _hex(bytes(row.topic2)[12:]),
        "tokenID": str(int.from_bytes(row.topic3, "big")),
        "tokenName": name,
        "tokenSymbol": symbol,
        "tokenDecimal": "0",
        "transactionIndex": str(row.tx_index),
        "logIndex": str(row.log_index),
        "confirmations": str(newest - row.block_number + 1),
    }


def _hex(raw: bytes) -> str:
    return f"0x{bytes(raw).hex()}"
