"""The network of whoever calls, for an exposed endpoint that is open to the caller alone."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def network_of(caller: str) -> str:
    """One address or one network, as CIDR; empty where it is none, or one that says nothing of where the caller is.

    Args:
        caller: As the node's SSH server sees it; its loopback, where the caller comes by a tunnel that ends there.
    """
    if "/" in caller:
        return str(ip_network(caller))
    try:
        address = ip_address(caller.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return "" if address.is_loopback or address.is_unspecified else str(ip_network(address))


def is_within(caller: str, allowed: str) -> bool:
    """Whether the caller is in that network; True where it is not known where the caller is."""
    own = network_of(caller)
    if not own or not allowed:
        return True
    inner, outer = ip_network(own), ip_network(allowed)
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
