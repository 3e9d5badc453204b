"""Whether the chain did what the books say: every balance, every work's account, and the totals."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.touring.chain import TourFailed
from scripts.touring.stage import Stage
from stemma.chain.licensing import NATIVE
from stemma.works import WorkId, to_hex


@dataclass(frozen=True)
class Opening:
    """The chain before the first act. Balances by (name, token); the house's contracts are among the names."""

    balances: dict[tuple[str, str], int]
    liabilities: dict[str, int]
    surplus: dict[str, int]
    fees: dict[str, int]


@dataclass(frozen=True)
class Account:
    """One account in one token: what the books say of its change, gas included, and what the chain says."""

    name: str
    spent: int
    earned: int
    between: int
    gas: int
    expected: int
    found: int


@dataclass(frozen=True)
class Remainder:
    """What rounding leaves of one work in one token: at most a unit for each ancestor, and for each slot."""

    work: WorkId
    received: int
    income: int
    of_shares: int
    of_slots: int


@dataclass(frozen=True)
class Total:
    """The splitter's totals in one token, as changes since the opening."""

    paid_in: int
    paid_out: int
    liabilities: int
    surplus: int
    balance: int
    dust: int


@dataclass(frozen=True)
class Verdict:
    """By symbol of the token."""

    accounts: dict[str, list[Account]]
    remainders: dict[str, list[Remainder]]
    totals: dict[str, Total]
    endowed: dict[str, int]


def look(stage: Stage) -> Opening:
    """Take note of the chain as it is."""
    splitter = stage.chain["RoyaltySplitter"].functions
    tokens = stage.tokens.values()
    fees = {token: splitter.feesOf(token).call() for token in tokens}
    return Opening(
        balances=_balances(stage),
        liabilities={token: splitter.liabilitiesOf(token).call() for token in tokens},
        surplus={token: splitter.surplusOf(token).call() for token in tokens},
        fees={token: credited - drawn for token, (credited, drawn) in fees.items()},
    )


def judge(stage: Stage, opening: Opening, endowed: dict[str, int]) -> Verdict:
    """Compare everything. ``endowed`` is what the people were given at the start, by token.

    Raises:
        TourFailed: with every difference between chain and books.
    """
    verdict = Verdict(
        accounts={symbol: _accounts(stage, opening, token) for symbol, token in stage.tokens.items()},
        remainders={symbol: _remainders(stage, token) for symbol, token in stage.tokens.items()},
        totals={symbol: _total(stage, opening, token) for symbol, token in stage.tokens.items()},
        endowed={symbol: endowed[token] for symbol, token in stage.tokens.items()},
    )
    differences = [*_differences(stage, opening, verdict)]
    if differences:
        raise TourFailed("the chain and the books differ:\n  " + "\n  ".join(differences))
    return verdict


def _differences(stage: Stage, opening: Opening, verdict: Verdict) -> Iterator[str]:
    for symbol, token in stage.tokens.items():
        for account in verdict.accounts[symbol]:
            if account.found != account.expected:
                yield f"{account.name} should have {account.expected} {symbol} more, and has {account.found}"
        yield from _wrong_works(stage, symbol, token)
        for each in verdict.remainders[symbol]:
            entries, slots = stage.books.table_of(each.work).entries, list(stage.books.slots_of(each.work))
            if not (0 <= each.of_shares <= len(entries) and 0 <= each.of_slots < len(slots)):
                yield f"the dust of {stage.name_of(each.work)} is {each.of_shares} + {each.of_slots} units of {symbol}"
        yield from _wrong_totals(stage, opening, verdict, symbol)


def _wrong_works(stage: Stage, symbol: str, token: str) -> Iterator[str]:
    splitter, books = stage.chain["RoyaltySplitter"].functions, stage.books
    for work in books.works_with_money(token):
        received, own_moved, income, _ = splitter.accountOf(work, token).call()
        expected = (books.received[work, token], books.moved[work, work, token], books.income[work, token])
        if (received, own_moved, income) != expected:
            yield f"the account of {stage.name_of(work)} in {symbol} is {(received, own_moved, income)}, not {expected}"
        for slot in books.slots_of(work):
            drawn, wanted = splitter.drawnOf(work, token, slot).call(), books.drawn[work, token, slot]
            if drawn != wanted:
                yield f"slot {slot} of {stage.name_of(work)} drew {drawn} {symbol}, not {wanted}"


def _wrong_totals(stage: Stage, opening: Opening, verdict: Verdict, symbol: str) -> Iterator[str]:
    token, total = stage.tokens[symbol], verdict.totals[symbol]
    fees_before = opening.fees[token]
    if total.liabilities != total.paid_in - total.paid_out:
        yield f"liabilities in {symbol} are {total.liabilities}, not paid in less paid out"
    if total.liabilities + fees_before != total.dust:
        yield f"{total.liabilities} {symbol} are owed still, and the dust is {total.dust}"
    if total.surplus != stage.books.surplus[token]:
        yield f"the surplus in {symbol} is {total.surplus}, not {stage.books.surplus[token]}"
    if total.balance != total.liabilities + total.surplus:
        yield f"the splitter's balance in {symbol} is not liabilities and surplus"
    vault = _change(stage, opening, "SessionVault", token)
    if vault != sum(amount for (_, of), amount in stage.books.in_vault.items() if of == token):
        yield f"the vault holds {vault} {symbol} more than its owners have there"
    changes = [account.found + account.gas for account in verdict.accounts[symbol]]
    if sum(changes) + total.balance + vault != verdict.endowed[symbol]:
        yield f"{symbol} came into being or went out of it: accounts, splitter and vault do not sum to what was given"


def _accounts(stage: Stage, opening: Opening, token: str) -> list[Account]:
    books, accounts = stage.books, []
    for person in stage.cast:
        key = (person.name, token)
        gas = stage.chain.gas_paid[person.address] if token == NATIVE else 0
        accounts.append(
            Account(
                name=person.name,
                spent=books.spent[key],
                earned=books.earned[key],
                between=books.balances[key] + books.spent[key] - books.earned[key],
                gas=gas,
                expected=books.balances[key] - gas,
                found=_change(stage, opening, person.name, token),
            )
        )
    return accounts


def _remainders(stage: Stage, token: str) -> list[Remainder]:
    books = stage.books
    return [
        Remainder(
            work=work,
            received=books.received[work, token],
            income=books.income[work, token],
            of_shares=books.dust_of_shares(work, token),
            of_slots=books.dust_of_slots(work, token),
        )
        for work in books.works_with_money(token)
    ]


def _total(stage: Stage, opening: Opening, token: str) -> Total:
    splitter = stage.chain["RoyaltySplitter"].functions
    return Total(
        paid_in=stage.books.paid_in[token],
        paid_out=stage.books.paid_out[token],
        liabilities=splitter.liabilitiesOf(token).call() - opening.liabilities[token],
        surplus=splitter.surplusOf(token).call() - opening.surplus[token],
        balance=_change(stage, opening, "RoyaltySplitter", token),
        dust=sum(each.of_shares + each.of_slots for each in _remainders(stage, token)),
    )


def _change(stage: Stage, opening: Opening, name: str, token: str) -> int:
    return stage.chain.balance(_addresses(stage)[name], token) - opening.balances[name, token]


def _balances(stage: Stage) -> dict[tuple[str, str], int]:
    return {
        (name, token): stage.chain.balance(address, token)
        for name, address in _addresses(stage).items()
        for token in stage.tokens.values()
    }


def _addresses(stage: Stage) -> dict[str, str]:
    people = {person.name: person.address for person in stage.cast}
    return people | {name: str(stage.chain[name].address) for name in ("RoyaltySplitter", "SessionVault")}


def as_json(stage: Stage, verdict: Verdict) -> dict[str, Any]:
    """All figures; amounts are decimal strings of base units. Accounts with nothing in a token are left out of it."""
    return {
        "agrees": True,
        "chainId": stage.chain.id,
        "transactions": stage.chain.transactions,
        "feePpm": stage.books.fee_ppm,
        "tables": {
            stage.names[recording]: {stage.name_of(entry.work): entry.ppm for entry in table.entries}
            for recording, table in stage.books.tables.items()
        },
        "licenses": [
            {
                "licenseId": f"0x{bought.id:064x}",
                "kind": bought.kind.name,
                "work": stage.name_of(bought.work),
                "licensee": bought.licensee,
                "price": str(bought.price),
                "way": bought.way,
            }
            for bought in stage.licenses
        ],
        "accounts": {
            symbol: {
                each.name: {
                    "spent": str(each.spent),
                    "earned": str(each.earned),
                    "between": str(each.between),
                    "gas": str(each.gas),
                    "expected": str(each.expected),
                    "found": str(each.found),
                }
                for each in accounts
                if each.found or each.gas
            }
            for symbol, accounts in verdict.accounts.items()
        },
        "works": {
            symbol: {
                stage.name_of(each.work): {
                    "workId": to_hex(each.work),
                    "received": str(each.received),
                    "income": str(each.income),
                    "dustOfShares": each.of_shares,
                    "dustOfSlots": each.of_slots,
                }
                for each in remainders
            }
            for symbol, remainders in verdict.remainders.items()
        },
        "totals": {
            symbol: {
                "endowed": str(verdict.endowed[symbol]),
                "paidIn": str(total.paid_in),
                "paidOut": str(total.paid_out),
                "liabilities": str(total.liabilities),
                "dust": str(total.dust),
                "surplus": str(total.surplus),
                "balance": str(total.balance),
            }
            for symbol, total in verdict.totals.items()
        },
    }
