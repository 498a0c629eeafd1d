"""labgrid resource: an SD card, named by the path of its reader, or a file in place of one."""

from __future__ import annotations

import attr
from labgrid.factory import target_factory
from labgrid.resource.common import Resource


@target_factory.reg_resource
@attr.s(eq=False)
class CardReader(Resource):  # type: ignore[misc]
    """A card reader whose path is fixed, so that it needs no udev.

    Args:
        path: such as a link in /dev/disk/by-path; a plain file is taken as a card of its size
    """

    path: str = attr.ib(validator=attr.validators.instance_of(str))
