"""Sample: whose bill is a template tried on before it is anybody's?

Invented people in an invented house: one who owes and has everything a bill can say, one who has nothing to pay and of
whom next to nothing is known, and one whose bill was withdrawn.
"""

from __future__ import annotations

from typing import Final

import msgspec

from lk_sync import bill_qr
from lk_sync.bills_setting import Bills
from lk_sync.config import Supplier
from lk_sync.payment_qr import NotWritable
from portal.bills.paper import HouseShown, MeterShown, Paper, Payer, PriceShown, Reference
from portal.pages.charges.statement import Line, Sums

_HEATING: Final = Line(
    "Отопление", "по общедомовому прибору", 419_900, "Гкал", 3_117_600_000, 130_908, -12_600, "перерыв в подаче",
    0, 118_308, (("Примечание", "по акту от 03.10.2026"),),
)  # fmt: skip
_WATER: Final = Line(
    "Горячая вода: компонент на теплоноситель", "по прибору", 9_678_000, "м³", 49_990_000, 48_380, 0, "",
    24_190, 24_190, (),
)  # fmt: skip
_REFERENCE: Final = Reference(
    (MeterShown("Горячая вода", "2100007919", "кухня", "м³", 399_839_000, 409_517_000, 9_678_000, "2026-10-18",
                "передали вы", "2027-12-19"),),
    (HouseShown("Отопление", 5_270_441, "Гкал", 690_300_000),),
    (PriceShown("Отопление", 20_300, "Гкал", "на 1 м² в месяц", "Постановление от 01.06.2026 № 389"),),
    (PriceShown("Отопление", 3_117_600_000, "Гкал", "", "Приказ от 18.12.2025 № 66-п/т"),),
)  # fmt: skip
OWES: Final = Paper(
    payer=Payer("000012345", "08АА000000", "Образцова Мария Ивановна", "358000, г. Элиста, ул. Образцовая, д. 1, кв. 2",
                52_300_000, 31_900_000, 2, 3, (("Участок", "7"),)),
    period=202610,
    state="issued",
    number="2610-0000000",
    issued_on="2026-11-01",
    due_on="2026-11-15",
    paid_until="2026-10-31",
    due=248_030,
    lines=(_HEATING, _WATER),
    sums=Sums(charged=179_288, recalculated=-12_600, benefit=24_190, penalty=532, total=143_030, paid=50_000),
    opening=155_000,
    closing=248_030,
    reference=_REFERENCE,
    extra=(("Рассрочка", "нет"),),
    code="K7M-4QX",
)  # fmt: skip
AHEAD: Final = Paper(
    payer=Payer("000012346", "", "Примеров П. П.", "г. Элиста", None, None, None, None, ()),
    period=202607,
    state="issued",
    number="1",
    issued_on="2026-08-01",
    due=-100,
    lines=(),
    sums=Sums(),
    opening=None,
    closing=None,
    reference=Reference((), (), (), ()),
)
WITHDRAWN: Final = msgspec.structs.replace(OWES, state="withdrawn", code="")
UNBILLED: Final = msgspec.structs.replace(
    AHEAD, state="none", number="", issued_on=None, due=None, reference=_REFERENCE._replace(
        meters=(MeterShown("Отопление", "1", "", "Гкал", None, None, None, None, "", None),)
    )
)  # fmt: skip


def samples(supplier: Supplier, bills: Bills) -> tuple[Paper, ...]:
    """The first one is what a preview shows."""
    return payable(supplier, bills), AHEAD, WITHDRAWN, UNBILLED


def payable(supplier: Supplier, bills: Bills) -> Paper:
    """Its payment code is real, but for an account that nobody has."""
    payer, period, kopecks = OWES.payer, OWES.period, OWES.due or 0
    try:
        qr = bill_qr.payment_code(
            supplier, bills, account=payer.account, period=period, kopecks=kopecks, address=payer.address
        )
    except NotWritable:  # the bank details are at fault, and `lk-sync check` says so where it looks at them
        qr = None
    return msgspec.structs.replace(OWES, qr=qr or b"")
