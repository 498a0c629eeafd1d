"""Shows the fields of classes once: where they are described, or in the signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterator

DATACLASS = "dataclass"
"""The label of classes whose signature lists the fields."""
ATTRS = ("attr.s", "attr.ib")
"""Decorator of a driver or resource of labgrid, and what its fields are assigned."""


class Fields(griffe.Extension):
    """Runs after the extension `dataclasses`, which makes signatures of the fields."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Change the fields of all classes of a package."""
        for cls in _classes(pkg):
            fields = {
                name: member
                for name, member in cls.members.items()
                if isinstance(member, griffe.Attribute) and DATACLASS not in member.labels and not member.is_private
            }
            if DATACLASS in cls.labels:
                _drop_undescribed(cls, fields)
            elif any(str(decorator.value).startswith(ATTRS[0]) for decorator in cls.decorators):
                _describe(cls, fields)
                _drop_undescribed(cls, fields)


def _classes(parent: griffe.Module | griffe.Class) -> Iterator[griffe.Class]:
    for member in parent.members.values():
        if isinstance(member, griffe.Module | griffe.Class):
            if isinstance(member, griffe.Class):
                yield member
            yield from _classes(member)


def _drop_undescribed(cls: griffe.Class, fields: dict[str, griffe.Attribute]) -> None:
    for name, field in fields.items():
        if not field.docstring and "property" not in field.labels:
            del cls.members[name]


def _describe(cls: griffe.Class, fields: dict[str, griffe.Attribute]) -> None:
    """Move what the class says about its parameters to the fields, of which attrs makes the parameters."""
    if cls.docstring is None:
        return
    text, _, _ = cls.docstring.value.partition("\nArgs:")
    sections = cls.docstring.parse("google", warnings=False)
    parameters = [entry for section in sections if section.kind.value == "parameters" for entry in section.value]
    for parameter in parameters:
        for name in parameter.name.split(", "):
            if name in fields:
                fields[name].docstring = griffe.Docstring(parameter.description, parent=fields[name])
                if str(fields[name].value).startswith(ATTRS[1]):
                    fields[name].value = None
    cls.docstring.value = text.rstrip()
