"""`stemma contracts`: where the contracts are, whether their code is ours, who holds which role, what waits."""

import click

from stemma.errors import AppError


@click.command("contracts")
def command() -> None:
    """Print the contracts' addresses, verify their code, and say who may do what.

    Reads RPC_URLS, CHAIN_ID and DEPLOYMENTS_DIR. Fails when the chain holds other code than was deployed.
    """
    from stemma.chain.deployments import load_deployment, matches_sources
    from stemma.chain.inspection import inspect
    from stemma.settings import get_settings

    settings = get_settings()
    if not settings.rpc_urls:
        raise click.UsageError("RPC_URLS is needed: the endpoint of a node")
    try:
        deployment = load_deployment(settings.deployments_dir, settings.chain_id)
        found = inspect(deployment, settings.rpc_urls[0])
    except AppError as error:
        raise click.ClickException(error.detail) from error

    sources = "these sources" if matches_sources(deployment) else "other sources than these"
    click.echo(f"chain {deployment.chain_id}, version {deployment.version}, from {sources}")
    for contract in found.contracts:
        verdict = "code as deployed" if contract.is_genuine else "OTHER CODE THAN WAS DEPLOYED"
        click.echo(f"  {contract.name:<16} {contract.address}  since block {contract.first_block}, {verdict}")
    for symbol, address in deployment.tokens.items():
        verdict = "accepted" if found.accepts[symbol] else "takes no new payments"
        click.echo(f"  {symbol:<16} {address}  {verdict}")
    click.echo("roles")
    for role, accounts in found.holders.items():
        click.echo(f"  {role:<34} {', '.join(accounts) or 'nobody'}")
    click.echo(f"fee on licenses: {found.fee_ppm / 10_000:g} %")
    click.echo("timelock")
    for waiting in found.waiting:
        click.echo(f"  {waiting.operation}  from {waiting.ready_at:%Y-%m-%dT%H:%M:%SZ} on: {waiting.call}")
    if not found.waiting:
        click.echo("  nothing waits")
    if not all(contract.is_genuine for contract in found.contracts):
        raise click.ClickException("the chain holds other code than was deployed: trust none of these contracts")
