"""labgrid resource: an SD card, by the path of its reader, or a file that stands for one."""

from __future__ import annotations

import attr
from labgrid.factory import target_factory
from labgrid.resource.common import Resource


@target_factory.reg_resource
@attr.s(eq=False)
class CardReader(Resource):  # type: ignore[misc]
    """A reader that always has the same name, without udev.

    Args:
        path: such as a link in /dev/disk/by-path; a plain file is taken as a card of its size
    """

    path: str = attr.ib(validator=attr.validators.instance_of(str))
