"""labgrid's coordinator with TLS: `python tlscoordinator.py CERT KEY LISTEN PLAIN`.

labgrid has options for this from the version after 26.0.1 on. Before, its coordinator is given a port with TLS here,
and the plain port PLAIN, which its exporters need. The rest is labgrid's own program.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import grpc
from labgrid.remote import common, coordinator

HAS_TLS = hasattr(common, "get_client_credentials")
"""Whether labgrid's own programs know TLS."""


def main() -> None:
    certificate, key, listen, plain = sys.argv[1:]
    if HAS_TLS:
        sys.argv[1:] = ["--listen", listen, "--tls", "--cert", certificate, "--key", key]
    else:
        sys.argv[1:] = ["--listen", listen]
        credentials = grpc.ssl_server_credentials([(Path(key).read_bytes(), Path(certificate).read_bytes())])
        make_server = grpc.aio.server

        def server(*arguments: Any, **options: Any) -> Any:
            made = make_server(*arguments, **options)
            made.add_insecure_port(plain)
            made.add_insecure_port = lambda address: made.add_secure_port(address, credentials)
            return made

        grpc.aio.server = server
    coordinator.main()


if __name__ == "__main__":
    main()
