"""Doctor: what is this file, what is wrong with it, and what has to be changed in the program that writes it?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import BinaryIO, Final, cast

import msgspec

from connectors.formats import archive
from connectors.formats.client_bank import ACCOUNT, DAY, ID, Statement
from connectors.formats.contract import Opened
from connectors.formats.dbf import DbfTable
from connectors.formats.doctor import dataset, documents, sniff, table, text_file
from connectors.formats.options import FileOptions
from connectors.formats.registry import open_file
from lk_sync.contracts import Diagnosis, Remark, Wanted
from lk_sync.errors import LkError

OURS: Final = (ACCOUNT, DAY, ID)  # what we have made of a statement is not at fault
Fact = tuple[str, str]
ADVICE: Final = {
    "empty": "программа выгрузила пустой файл или его ещё пишут; выгрузите заново",
    "html": "вместо данных записана страница ошибки или входа; посмотрите её в браузере и почините выгрузку",
    "ole": "сохраните как .xlsx без пароля или выгружайте CSV",
    "ods": "сохраните как .xlsx или выгружайте CSV",
    "pdf": "из документа для печати данные не читаются; выгружайте таблицу",
    "rtf": "из документа для печати данные не читаются; выгружайте таблицу",
    "json": "вместо таблицы записан ответ программы; посмотрите, нет ли в нём ошибки, и выгружайте CSV",
    "gzip": "распакуйте; читаются архивы ZIP с одним файлом",
}


def examine(file: BinaryIO, *, name: str, wanted: Wanted | None) -> Diagnosis | None:
    """`contracts.Examiner` of files of rows."""
    if wanted is not None and wanted.file is not None:
        return dataset.examine(file, name, wanted, blind=lambda: _blind(file, name))
    return _blind(file, name)


def _blind(file: BinaryIO, name: str) -> Diagnosis:
    kind = sniff.kind(file)
    match kind:
        case "dbf":
            return _opened(file, name, "таблица DBF", FileOptions(format="dbf"))
        case "client_bank":
            return _statement(file, name)
        case "xlsx":
            return documents.book(file, name)
        case "xml":
            return documents.xml(file, name)
        case "zip":
            return _packed(file, name)
        case "text":
            return text_file.examine(file, name)
    return Diagnosis(
        kind=sniff.WORDS[kind], remarks=(Remark(what=f"это {sniff.WORDS[kind]}", advice=ADVICE[kind]),), readable=False
    )


def _packed(file: BinaryIO, name: str) -> Diagnosis:
    with tempfile.TemporaryFile() as unpacked:
        inside = cast("BinaryIO", unpacked)
        try:
            title = archive.unpack_only(file, name, inside)
        except LkError as error:
            return Diagnosis(kind="архив ZIP", remarks=(Remark(what=str(error)),), readable=False)
        found = _blind(inside, f"{name}/{title}")
    return msgspec.structs.replace(found, kind=f"{found.kind}, в архиве ZIP")


def _opened(file: BinaryIO, name: str, kind: str, options: FileOptions, remarks: Sequence[Remark] = ()) -> Diagnosis:
    try:
        opened = open_file(file, name=name, options=options)
    except LkError as error:
        return Diagnosis(kind=kind, remarks=(*remarks, Remark(what=str(error))), readable=False)
    looked = table.look(opened, _readable(opened))
    return Diagnosis(
        kind=kind,
        facts=(*_facts(opened), *table.facts(looked)),
        remarks=(*remarks, *looked.remarks),
        rows=looked.rows + looked.torn,
        options=table.drafted(options, FileOptions()),
    )


def _readable(opened: Opened) -> list[str]:
    """The columns whose values are in this file."""
    found = []
    for column in opened.columns:
        try:
            opened.require([column])
        except LkError:
            continue
        found.append(column)
    return [column for column in found if column not in OURS] if isinstance(opened, Statement) else found


def _facts(opened: Opened) -> list[Fact]:
    facts = [("столбцы", ", ".join(filter(None, opened.columns))[:300])]
    if isinstance(opened, DbfTable):
        facts = [("кодировка", f"{opened.encoding}: {opened.proof}"), *facts]
        if opened.deleted:
            facts.append(("удалённых записей", f"{opened.deleted}, они не читаются"))
    if isinstance(opened, Statement):
        facts = [("кодировка", f"{opened.encoding}: по словам самой выписки"), ("списаний", str(opened.outgoing))]
    return facts


def _statement(file: BinaryIO, name: str) -> Diagnosis:
    """One that does not add up is looked at all the same, but the draft does not give up what found it out."""
    options = FileOptions(format="client_bank")
    found = _opened(file, name, "выписка 1CClientBankExchange", options)
    if not found.readable:
        partial = _opened(file, name, found.kind, FileOptions(format="client_bank", partial=True), found.remarks)
        if partial.readable:
            found = msgspec.structs.replace(partial, options=table.drafted(options, FileOptions()))
    if found.readable:
        opened = open_file(file, name=name, options=FileOptions(format="client_bank", partial=True))
        none = sum(not cell for portion in opened.batches([ACCOUNT]) for cell in portion.columns[0])
        if none:
            what = f"поступлений без лицевого счёта в назначении: {none}"
            remark = Remark(what=what, advice="они не загрузятся; задайте свой account_pattern", grave=False)
            found = msgspec.structs.replace(found, remarks=(*found.remarks, remark))
    return found
