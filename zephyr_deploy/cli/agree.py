"""Shows what is about to be ordered from a cloud, and asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.errors import DeclinedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from zephyr_deploy.cli.session import Session
    from zephyr_deploy.deploy.clouds.launch import Proposal

SHOWN = 5


def agreement(session: Session) -> Callable[[Proposal], None]:
    """What `up` calls before it orders: tells price and limits on stderr; a refusal ends the command."""

    def agree(proposal: Proposal) -> None:
        for line in lines(proposal):
            session.out.note(line)
        if not session.out.confirm("Order it?"):
            hint = "zephyr-deploy offers shows what else there is; --gpu, --region and --max-price choose."
            raise DeclinedError("Nothing was ordered.", hint=hint)

    return agree


def lines(proposal: Proposal) -> list[str]:
    """The proposal, a line a fact."""
    account = proposal.account
    offers = [
        f"{offer.machine_type}{' spot' if offer.spot else ''} in {offer.region}: {offer.gpus} x {offer.gpu}, "
        f"${offer.price_per_hour_usd:.2f} an hour{f' ({offer.price})' if offer.price else ''}"
        f"{f', price of {offer.priced_on}' if offer.priced_on else ''}"
        for offer in proposal.offers[:SHOWN]
    ]
    more = len(proposal.offers) - SHOWN
    return [
        f"{account.provider} account {account.name or account.id}; tried in this order:",
        *(f"  {offer}" for offer in offers),
        *([f"  and {more} more"] if more > 0 else []),
        _end(proposal),
        _ways_in(proposal),
    ]


def _ways_in(proposal: Proposal) -> str:
    ssh = f"SSH is open to {proposal.allowed}; the endpoint is reached through it"
    ports = [f"port {port} is open to {_whom(network)}" for port, network in sorted(proposal.opened.items())]
    return f"{ssh}, and shown to others: {', '.join(ports)}." if ports else f"{ssh}."


def _whom(network: str) -> str:
    return f"everybody ({network})" if network.endswith("/0") else network


def _end(proposal: Proposal) -> str:
    unused = f"after {_length(proposal.idle)} without a request" if proposal.idle else ""
    if proposal.lifetime is None:
        return f"It has no time limit: it costs until {f'it ends {unused}, or ' if unused else ''}`zephyr-deploy down`."
    hours = proposal.lifetime.total_seconds() / 3600
    dearest = max(offer.price_per_hour_usd for offer in proposal.offers) * hours
    most = f"at most ${dearest if proposal.budget_usd is None else min(dearest, proposal.budget_usd):.2f}"
    if proposal.ends_itself:
        sooner = f", or {unused}" if unused else ""
        return f"It ends itself after {_length(proposal.lifetime)}, which is {most}{sooner}."
    return (
        "It does not end itself, used or not, and costs on while it is off. Its time is over after "
        f"{_length(proposal.lifetime)}, which is {most}: `zephyr-deploy down`, or by then a scheduled "
        "`zephyr-deploy gc --expired --yes`, ends it."
    )


def _length(lifetime: timedelta) -> str:
    from zephyr_deploy.spec.durations import format_duration

    return format_duration(lifetime)
