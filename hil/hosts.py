"""Hosts in texts: addresses of IPv6 have colons themselves, so they are written in brackets where a port may follow."""

from __future__ import annotations

import ipaddress


def bare(host: str) -> str:
    """Return a host without the brackets that an IPv6 address may be written in."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def is_ipv6(host: str) -> bool:
    """Whether a host, without brackets, is an IPv6 address."""
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Return a host as it is written before a colon and a port."""
    return f"[{host}]" if is_ipv6(host) else host
