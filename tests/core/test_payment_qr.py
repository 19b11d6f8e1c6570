"""The code that a payer's bank reads: written as the standard has it, read as people print it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.payment_qr import (
    FIELDS,
    MANDATORY,
    MOST_MANDATORY_BYTES,
    SEPARATORS,
    NotPayment,
    NotWritable,
    read,
    written,
)

SAMPLES = Path(__file__).with_name("samples")
VECTORS = json.loads((SAMPLES / "gost56042_payloads.json").read_text("utf-8"))["vectors"]
PAYEE = {
    "Name": "АО «Энергосервис»", "PersonalAcc": "40702810600000000001", "BankName": "Банк", "BIC": "048580999",
    "CorrespAcc": "30101810900000000999",
}  # fmt: skip
CP1251 = [chr(code) for code in range(0x20, 0x500) if chr(code).encode("cp1251", "ignore")]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vectors_are_read_or_refused_and_only_good_ones_would_be_written(vector: dict[str, Any]) -> None:
    code = vector["payload"].encode()
    if vector["valid"] is False:
        with pytest.raises(NotPayment):
            read(code)
        return
    fields = read(code)
    assert vector.get("expect", {}).items() <= fields.items()
    if vector["valid"] is True:
        ours = written(fields)
        assert read(ours) == fields
        assert sorted(ours[8:].decode().split(chr(ours[7]))) == sorted(
            vector["payload"][8:].split(vector["payload"][7])
        )
    else:
        assert code != _written_or_none(fields)


def _written_or_none(fields: dict[str, str]) -> bytes | None:
    try:
        return written(fields)
    except NotWritable:
        return None


def test_what_others_print_is_read() -> None:
    standard = read((SAMPLES / "aserdobintsev_win1251.txt").read_bytes())
    assert (standard["Sum"], standard["PayerAddress"]) == ("100000", "г.Рязань ул.Ленина д.10 кв.15")
    assert read((SAMPLES / "qrcoder_win1251.txt").read_bytes())["Name"] == "ООО «Три кита»"
    assert read((SAMPLES / "qrcoder_koi8.txt").read_bytes())["Name"] == "ООО <Три кита>"


def test_a_digit_that_names_the_wrong_encoding_is_seen_through() -> None:
    for digit in b"13":
        code = bytearray(written(PAYEE))
        code[6] = digit
        assert read(bytes(code)) == PAYEE
    as_cp1251 = bytearray(written(PAYEE, "cp1251"))
    as_cp1251[6] = ord("2")
    assert read(bytes(as_cp1251)) == PAYEE


def test_slips_of_other_printers_get_the_names_they_meant() -> None:
    code = "ST00012|NAME=A|СВС=1|Docldx=2|counterLD=3|=4|Sum=|sum=5|Sum=6|Unknown=7|nothing"
    assert read(code.encode()) == {
        "Name": "A", "CBC": "1", "DocIdx": "2", "CounterId": "3", "Sum": "5", "Unknown": "7",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"Name": ""}, "Name"),
        ({"Name": "я" * 161}, "Name"),
        ({"PersonalAcc": "4070281060000000001"}, "PersonalAcc"),
        ({"BankName": "я" * 46}, "BankName"),
        ({"BIC": "04858099"}, "BIC"),
        ({"BIC": "04858099I"}, "BIC"),
        ({"Sum": "0"}, "Sum"),
        ({"Sum": "100.50"}, "Sum"),
        ({"Sum": "1" * 19}, "Sum"),
        ({"Purpose": "я" * 211}, "Purpose"),
        ({"Purpose": "строка\nдругая"}, "Purpose"),
        ({"TechCode": "2"}, "TechCode"),
        ({"СВС": "1"}, "СВС"),
        ({"Name": "я" * 120}, ""),  # within its own limit, not within the 300 bytes of the five
        ({"Purpose": SEPARATORS}, ""),
    ],
)
def test_what_the_standard_does_not_allow_is_not_written(changed: dict[str, str], field: str) -> None:
    with pytest.raises(NotWritable) as refused:
        written(PAYEE | changed)
    assert refused.value.field == field


def test_a_letter_that_the_encoding_lacks_is_not_written() -> None:
    with pytest.raises(NotWritable, match="ӊ"):
        written(PAYEE | {"PayerAddress": "Маӊгут"}, "cp1251")


def test_the_five_come_first_then_what_apps_want_in_their_order() -> None:
    more = {"PersAcc": "000012345", "Sum": "1", "Purpose": "за тепло", "KPP": "080001001", "PayeeINN": "0800000000"}
    keys = [pair.partition("=")[0] for pair in written(more | PAYEE).decode().split("|")[1:]]
    assert keys == [*MANDATORY, "KPP", "PayeeINN", "Purpose", "Sum", "PersAcc"]


def test_an_empty_correspondent_account_keeps_its_place() -> None:
    assert b"|CorrespAcc=|Sum=1" in written(PAYEE | {"CorrespAcc": "", "Sum": "1"})


@given(
    st.dictionaries(
        st.sampled_from([key for key, limit in FIELDS.items() if not limit.digits and key not in MANDATORY]),
        st.text(st.sampled_from(CP1251), max_size=30),
    ),
    st.sampled_from(["utf-8", "cp1251"]),
)
def test_what_is_written_is_read_back(more: dict[str, str], encoding: Any) -> None:
    try:
        code = written(PAYEE | more, encoding)
    except NotWritable:
        return
    stripped = {key: value.strip() for key, value in (PAYEE | more).items()}
    assert read(code) == {key: value for key, value in stripped.items() if value}
    mandatory = code[8:].split(code[7:8])[: len(MANDATORY)]
    assert len(code[7:8].join(mandatory)) <= MOST_MANDATORY_BYTES


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(tail: bytes) -> None:
    for code in (tail, b"ST00012|" + tail, b"ST00011" + tail, b"ST00013" + tail):
        try:
            assert all(value.strip() for value in read(code).values())
        except NotPayment:
            continue
