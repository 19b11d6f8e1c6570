"""Without readings: three months by average, then by norm; nothing is invented where the books are silent."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from lk_sync.flow.without import Facts, Meant, NormOf, preview

M = 1_000_000
METER = Meant(average_micro=3 * M, price_micro=200 * M)
NORMS = (NormOf("carrier", 3 * M, "person"), NormOf("heat", 60_000, "m3"))
FACTS = Facts(
    first=202611, meters=(METER,), norms=NORMS, residents=2, tariffs={"carrier": 50 * M, "heat": 2000 * M}
)  # fmt: skip
BY_NORM = 6 * 50_00 + 720_00  # 6 m³ of water and 0.36 Gcal of heat


def test_three_months_by_average_then_by_norm() -> None:
    found = preview(FACTS)
    assert [(month.period, month.method) for month in found.months] == [
        (202611, "average"),
        (202612, "average"),
        (202701, "average"),
        (202702, "norm"),
        (202703, "norm"),
    ]
    assert [month.cost_kopecks for month in found.months] == [600_00] * 3 + [BY_NORM] * 2
    assert found.total_kopecks == 3 * 600_00 + 2 * BY_NORM
    assert (found.missing, found.uplifted) == ([], False)


def test_months_that_were_charged_by_average_already_count() -> None:
    methods = [month.method for month in preview(msgspec.structs.replace(FACTS, averaged=2)).months]
    assert methods == ["average", "norm", "norm", "norm", "norm"]
    assert {month.method for month in preview(msgspec.structs.replace(FACTS, averaged=9)).months} == {"norm"}


def test_a_raising_factor_is_used_only_where_the_supplier_uses_it() -> None:
    found = preview(msgspec.structs.replace(FACTS, uplifts={"carrier": 1_500_000, "heat": M}))
    assert found.uplifted
    assert found.months[-1].cost_kopecks == 9 * 50_00 + 720_00


def test_what_is_missing_is_named_and_costs_nothing_invented() -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({"meters": (msgspec.structs.replace(METER, average_micro=None),)}, "average"),
        ({"meters": (msgspec.structs.replace(METER, price_micro=None),)}, "price"),
        ({"norms": ()}, "norm"),
        ({"norms": NORMS[1:]}, "norm"),
        ({"residents": None}, "residents"),
        ({"norms": (NormOf("energy", 20_000, "m2"),)}, "area"),
        ({"tariffs": {"carrier": M}}, "tariff"),
    ]
    for change, word in cases:
        found = preview(msgspec.structs.replace(FACTS, **change))
        assert list(found.missing) == [word]
        assert found.total_kopecks is None


def test_what_only_the_average_needs_is_not_missed_when_the_norm_counts() -> None:
    no_average = (msgspec.structs.replace(METER, average_micro=None),)
    found = preview(msgspec.structs.replace(FACTS, meters=no_average, averaged=3))
    assert list(found.missing) == []
    assert found.total_kopecks == 5 * BY_NORM


@given(
    st.integers(0, 10**9), st.integers(0, 10**10), st.integers(0, 6), st.integers(0, 20), st.integers(M, 3 * M),
)  # fmt: skip
def test_the_months_follow_each_other_and_cost_no_less_with_a_raising_factor(
    average: int, price: int, averaged: int, residents: int, uplift: int
) -> None:
    facts = msgspec.structs.replace(
        FACTS, meters=(Meant(average_micro=average, price_micro=price),), averaged=averaged, residents=residents
    )
    plain = preview(facts)
    raised = preview(msgspec.structs.replace(facts, uplifts={"carrier": uplift, "heat": uplift}))
    assert len({month.period for month in plain.months}) == len(plain.months)
    for one, other in zip(plain.months, raised.months, strict=True):
        assert one.method == other.method
        if one.cost_kopecks is not None:
            assert other.cost_kopecks is not None
            assert 0 <= one.cost_kopecks <= other.cost_kopecks
