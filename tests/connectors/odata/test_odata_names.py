"""Every name of the mapping is known from the metadata before anything is asked: 1C itself would say nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from connectors.odata import metadata
from demo.onec import model
from lk_sync.errors import BadData, SchemaDrift
from tests.at_the_1c import The1C, payments

SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"columns": {"amount_kopecks": {"column": "Сума"}}}, "нет реквизита «Сума».*может быть, «Сумма»"),
        ({"columns": {"amount_kopecks": {"column": "Posted"}}}, "тип Edm.Boolean, а нужно число"),
        ({"columns": {"paid_on": {"column": "Сумма"}}}, "тип Edm.Double, а нужно дата"),
        ({"columns": {"account": {"column": "ЛицевойСчет_Key"}}}, "это ссылка, её значение находит lookup"),
        ({"columns": {"channel": {"column": "Канал____Presentaton"}}}, "нет реквизита"),
        ({"from": "Document_ПлатежАбонентов"}, "может быть, «Document_ПлатежАбонента».*УстановитьСостав"),
        ({"watermark": "DataVersion"}, "DataVersion .*не растёт"),
        ({"watermark": "Сумма"}, "watermark.*нужна дата и время"),
        ({"watermark": "Изменено"}, "нет реквизита «Изменено»"),
        ({"options": {"rounded": ["Канал"]}}, "options.rounded.*не число"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest_right_one(onec: The1C, tree: dict[str, Any], says: str) -> None:
    columns = tree.pop("columns", None)
    with pytest.raises(SchemaDrift, match=says):
        onec.pull(payments(onec, columns, **tree))
    assert [asked for asked in onec.served.asked if "Document" in asked] == []


def test_what_is_mistyped_gives_an_empty_list_in_1c(onec: The1C) -> None:
    """The trap itself: without the metadata nobody would notice."""
    with onec.source().connect() as session:
        answer = session._wire.rows("Document_ПлатежАбонента", {"$select": "Сума"})
        assert b'"value":[]' in answer


def read(name: str) -> metadata.Published:
    with (SAMPLES / name).open("rb") as file:
        return metadata.read(file)


def test_metadata_of_others_are_understood() -> None:
    catalog = read("01-catalog-with-table.xml")
    assert list(catalog.sets) == ["Catalog_Номенклатура", "Catalog_Номенклатура_Артикулы"]
    assert catalog.sets["Catalog_Номенклатура_Артикулы"].key == ("Ref_Key", "LineNumber")
    assert catalog.sets["Catalog_Номенклатура"].properties["Артикулы"].family == "other"
    slices = read("03-information-register.xml").functions["InformationRegister_ЦеныНоменклатуры", "SliceLast"]
    assert slices.parameters == {"Period": "Edm.DateTime", "Condition": "Edm.String"}
    assert list(slices.shape.properties) == ["Period", "Номенклатура_Key", "Цена"]
    balance = read("04-accumulation-register.xml").functions["AccumulationRegister_ОстаткиТоваров", "Balance"]
    assert balance.shape.properties["Количество"].family == "number"
    assert read("07-composite-ref.xml").sets["AccumulationRegister_X"].properties["Recorder"].composite
    assert len(read("northwind-v3-service.edmx").sets) == 26


def test_references_are_known_by_where_they_lead() -> None:
    published = metadata.read(io.BytesIO(model.metadata()))
    refers = published.sets["Document_ПлатежАбонента"].properties["ЛицевойСчет_Key"].refers
    assert refers == "Catalog_ЛицевыеСчета"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>1C</body></html>",
        b"{}",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><edmx>&a;</edmx>',
        b'<?xml version="1.0" encoding="no-such"?><edmx/>',
        model.metadata()[:9000],
        model.metadata().replace(b"<EntitySet ", b"<NoEntitySet "),
    ],
    ids=["empty", "html", "json", "entity", "encoding", "cut", "nothing"],
)
def test_what_is_no_description_is_refused(body: bytes) -> None:
    with pytest.raises(BadData, match=r"\$metadata"):
        metadata.read(io.BytesIO(body))


def test_names_that_could_step_out_of_an_address_are_not_taken() -> None:
    hostile = model.metadata().decode().replace('Name="Канал"', 'Name="Канал&amp;$top=1"')
    published = metadata.read(io.BytesIO(hostile.encode()))
    assert not any("$" in name for name in published.sets["Document_ПлатежАбонента"].properties)
