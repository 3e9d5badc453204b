"""The tour's tables and trees."""

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from scripts.touring.stage import Stage
from scripts.touring.verdict import Account, Remainder, Total, Verdict
from stemma.works import to_hex

DECIMALS = {"USDC": 6, "ETH": 18}


def amount_of(amount: int, symbol: str) -> str:
    """Base units as a reader wants them, to the last unit: ``1,234.567891 USDC``."""
    return f"{_plain(amount, symbol)} {symbol}"


def print_house(stage: Stage) -> None:
    """Where the contracts are."""
    table = Table.grid(padding=(0, 2))
    for name, contract in stage.chain.deployment.contracts.items():
        table.add_row(f" {name}", f"[dim]{contract.address}")
    stage.console.print(table)


def family_tree(stage: Stage) -> Tree:
    """Every recording with what each ancestor gets of its revenue."""
    tree = Tree(" [dim]royalty tables, parts per million[/]")
    for recording, royalties in stage.books.tables.items():
        branch = tree.add(f"[b]{stage.names[recording]}[/] [dim]{to_hex(recording)}[/]")
        for entry in royalties.entries:
            branch.add(f"{entry.ppm:>9,} {stage.name_of(entry.work)}")
        branch.add(f"{1_000_000 - royalties.stack_ppm:>9,} [dim]itself[/]")
    return tree


def print_verdict(stage: Stage, verdict: Verdict) -> None:
    """Who received what, the dust, the totals."""
    stage.chapter("Licenses")
    stage.console.print(_licenses(stage))
    for symbol in verdict.accounts:
        stage.chapter(f"Who received what in {symbol}")
        stage.console.print(_accounts(verdict.accounts[symbol], symbol))
        stage.console.print()
        stage.console.print(_remainders(stage, verdict.remainders[symbol], symbol))
        _print_total(stage.console, verdict.totals[symbol], symbol)
    stage.console.print()
    count = sum(len(accounts) for accounts in verdict.accounts.values())
    stage.console.print(
        f" [bold green]✔[/] {stage.chain.transactions} transactions; {count} balances, every work's account, every "
        "slot and all totals are what the books say, to the last unit."
    )


def _licenses(stage: Stage) -> Table:
    table = _table("license", "work", "licensee", "price", "way")
    for bought in stage.licenses:
        price = amount_of(bought.price, "USDC")
        table.add_row(bought.kind.name, stage.name_of(bought.work), bought.licensee, price, bought.way)
    table.columns[3].justify = "right"
    return table


def _accounts(accounts: list[Account], symbol: str) -> Table:
    """What came from the house, what went into it, and what passed between people: endowments, sales of titles.

    The verdict has found chain and books equal.
    """
    with_gas = any(account.gas for account in accounts)
    table = _table("", "earned", "spent", "between people", *(["gas"] if with_gas else []), "in all, as the books", "")
    for account in accounts:
        # Everyone was given coin for gas: whoever only used that is compared, and not shown.
        if not (account.earned or account.spent or (account.between and not with_gas)):
            continue
        figures = [account.earned, -account.spent, account.between, *([-account.gas] if with_gas else [])]
        table.add_row(
            account.name,
            *(_plain(figure, symbol) if figure else "" for figure in figures),
            f"[b]{_plain(account.expected, symbol)}",
            "[green]✔",
        )
    for column in table.columns[1:-1]:
        column.justify = "right"
    return table


def _remainders(stage: Stage, remainders: list[Remainder], symbol: str) -> Table:
    table = _table("work", "received", "income", "dust of shares", "dust of slots")
    for each in remainders:
        table.add_row(
            stage.name_of(each.work),
            _plain(each.received, symbol),
            _plain(each.income, symbol),
            f"{each.of_shares} of at most {len(stage.books.table_of(each.work).entries)}",
            f"{each.of_slots} of at most {len(list(stage.books.slots_of(each.work))) - 1}",
        )
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _print_total(console: Console, total: Total, symbol: str) -> None:
    console.print(
        f" paid in {_plain(total.paid_in, symbol)} = paid out {_plain(total.paid_out, symbol)} + dust "
        f"{_plain(total.dust, symbol)}; the splitter holds {_plain(total.balance, symbol)} = dust + surplus "
        f"{_plain(total.surplus, symbol)}"
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _plain(amount: int, symbol: str) -> str:
    """With thousands separated, and no zeros at the end of the fraction."""
    whole, fraction = divmod(abs(amount), 10 ** DECIMALS[symbol])
    digits = f"{fraction:0{DECIMALS[symbol]}d}".rstrip("0")
    return f"{'-' if amount < 0 else ''}{whole:,}{'.' if digits else ''}{digits}"
