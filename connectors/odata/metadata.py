"""Metadata: which entity sets, virtual tables and properties does the base publish?

`$metadata` of a big configuration is tens of megabytes, so it is read element by element, and only names and types are
kept. No entities, no external definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from sys import intern
from typing import Any, BinaryIO, Final, Literal, NamedTuple
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from lk_sync.errors import BadData

Family = Literal["text", "word", "guid", "bool", "moment", "whole", "number", "other"]
_FAMILIES: Final[Mapping[str, Family]] = {
    "Edm.String": "text",
    "Edm.Guid": "guid",
    "Edm.Boolean": "bool",
    "Edm.DateTime": "moment",
    "Edm.DateTimeOffset": "moment",
    "Edm.Byte": "whole",
    "Edm.SByte": "whole",
    "Edm.Int16": "whole",
    "Edm.Int32": "whole",
    "Edm.Int64": "whole",
    "Edm.Single": "number",
    "Edm.Double": "number",
    "Edm.Decimal": "number",
}
MOST_PROPERTIES: Final = 2_000_000
RECORDS: Final = "RecordSet"


class Property(msgspec.Struct, frozen=True):
    """`refers`: the entity set that a reference leads to, where the metadata say so. `composite`: a value of one of
    several types, named by the property `<name>_Type`."""

    name: str
    type: str
    family: Family
    refers: str | None = None
    composite: bool = False


class Shape(msgspec.Struct, frozen=True):
    """A type: its properties, and those of its key in their order."""

    properties: Mapping[str, Property]
    key: tuple[str, ...] = ()

    @property
    def has_records(self) -> bool:
        return RECORDS in self.properties


class Function(msgspec.Struct, frozen=True):
    """A virtual table, and the types of its parameters by name."""

    shape: Shape
    parameters: Mapping[str, str]


class Published(NamedTuple):
    """What the base publishes; functions by entity set and name."""

    sets: Mapping[str, Shape]
    functions: Mapping[tuple[str, str], Function]


class _Type:
    """A type as it stands in the file."""

    def __init__(self) -> None:
        self.properties: dict[str, str] = {}
        self.key: list[str] = []
        self.navigation: dict[str, tuple[str, str]] = {}  # property → association and role


class _Import:
    """A function as it stands in the file."""

    def __init__(self, element: Element) -> None:
        self.name = element.get("Name", "")
        self.gives = element.get("ReturnType", "")
        self.entity_set = element.get("EntitySetPath", "")
        parameters = {each.get("Name", ""): each.get("Type", "") for each in element}
        if (bound := parameters.pop("bindingParameter", "")) and not self.entity_set:
            self.entity_set = _bare(bound)
        self.parameters = parameters


class _Reader:
    """Collects what stands in the file, in whatever order."""

    def __init__(self) -> None:
        self.types: dict[str, _Type] = {}
        self.enums: set[str] = set()
        self.ends: dict[tuple[str, str], str] = {}
        self.sets: dict[str, str] = {}
        self.imports: list[_Import] = []
        self._count = 0

    def take(self, element: Element) -> bool:
        """Whether the element was whole in itself, so that it can be forgotten."""
        kind, name = _local(element), element.get("Name", "")
        match kind:
            case "EntityType" | "ComplexType":
                self.types[name] = self._type(element)
            case "EnumType":
                self.enums.add(name)
            case "Association":
                for end in element:
                    self.ends[name, end.get("Role", "")] = _bare(end.get("Type", ""))
            case "EntitySet":
                self.sets[name] = _bare(element.get("EntityType", ""))
            case "FunctionImport":
                self.imports.append(_Import(element))
            case _:
                return False
        return True

    def _type(self, element: Element) -> _Type:
        made = _Type()
        for each in element:
            name = each.get("Name", "")
            match _local(each):
                case "Property":
                    made.properties[intern(name)] = intern(each.get("Type", ""))
                case "Key":
                    made.key = [reference.get("Name", "") for reference in each]
                case "NavigationProperty":
                    made.navigation[name] = (_bare(each.get("Relationship", "")), each.get("ToRole", ""))
        self._count += len(made.properties)
        if self._count > MOST_PROPERTIES:
            raise BadData("$metadata: свойств больше, чем бывает; описание базы не читается дальше")
        return made


def read(file: BinaryIO) -> Published:
    """Raises BadData for what is no description of an OData service."""
    reader = _Reader()
    try:
        for _, element in iterparse(file, events=("end",), forbid_dtd=True):
            if reader.take(element):
                element.clear()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadData(
            f"$metadata: сервер прислал не описание базы ({type(error).__name__}); проверьте connection.url"
        ) from error
    if not reader.sets:
        raise BadData(
            "$metadata: база не публикует ни одного объекта; специалист 1С должен выполнить "
            "УстановитьСоставСтандартногоИнтерфейсаOData()"
        )
    return _published(reader)


class _Shapes(Mapping[str, Shape]):
    """Types by the names of their sets, made when they are asked for: of thousands a source needs a dozen."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._of_type = {type_: name for name, type_ in reader.sets.items()}
        self._made: dict[str, Shape] = {}

    def __getitem__(self, name: str) -> Shape:
        return self.of(self._reader.sets[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._reader.sets)

    def __len__(self) -> int:
        return len(self._reader.sets)

    def of(self, type_: str) -> Shape:
        if type_ not in self._made:
            known = self._reader.types.get(type_) or _Type()
            properties = {each.name: each for each in _properties(known, self._reader, self._of_type)}
            self._made[type_] = Shape(properties, tuple(name for name in known.key if name in properties))
        return self._made[type_]

    def bound_to(self, each: _Import) -> str:
        """The set that a function belongs to, whether its set or its type is named; empty = none that is known."""
        return each.entity_set if each.entity_set in self._reader.sets else self._of_type.get(each.entity_set, "")


def _published(reader: _Reader) -> Published:
    shapes = _Shapes(reader)
    functions = {}
    for each in reader.imports:
        gives, entity_set = _bare(each.gives.removeprefix("Collection(").removesuffix(")")), shapes.bound_to(each)
        if entity_set and each.gives.startswith("Collection(") and gives in reader.types:
            functions[entity_set, each.name] = Function(shapes.of(gives), each.parameters)
    return Published(shapes, functions)


def _properties(known: _Type, reader: _Reader, of_type: Mapping[str, str]) -> Iterator[Property]:
    for name, type_ in known.properties.items():
        family = _FAMILIES.get(type_, "word" if _bare(type_) in reader.enums else "other")
        role = known.navigation.get(name.removesuffix("_Key"))
        refers = of_type.get(reader.ends.get(role, "")) if role and name.endswith("_Key") else None
        if name and name.replace("_", "a").isalnum():
            yield Property(name, type_, family, refers, composite=f"{name}_Type" in known.properties)


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _bare(name: str) -> str:
    """Without the namespace."""
    return name.rpartition(".")[2]
