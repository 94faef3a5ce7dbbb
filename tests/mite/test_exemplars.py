from mite.exemplars import ExemplarLimit


def test_so_many_of_a_kind_and_second() -> None:
    limit = ExemplarLimit(per_second=2)
    assert [limit.allow("a", 1.0 + n / 10) for n in range(4)] == [True, True, False, False]
    assert limit.allow("b", 1.5)
    assert [limit.allow("a", 2.1), limit.allow("a", 2.2), limit.allow("a", 2.3)] == [
        True,
        True,
        False,
    ]


def test_kinds_without_end_take_no_more_memory() -> None:
    limit = ExemplarLimit()
    allowed = sum(limit.allow(f"kind {n}", 0.0) for n in range(10_000))
    assert allowed == 2_000
    assert limit.allow("kind 7", 0.0)
