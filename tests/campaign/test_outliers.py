"""Numbers that stand apart by a factor: a mistyped thickness is found, scatter and small groups are not."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.campaign.outliers import find_factor_outliers


@pytest.mark.parametrize("wrong", [2.0, 0.5, 100.0])
def test_one_value_wrong_by_a_factor_is_named_with_it(wrong):
    values = 0.06 * np.exp(0.1 * np.random.default_rng(1).standard_normal(9))
    values[4] *= wrong
    found = find_factor_outliers(values)
    assert list(found) == [4]
    assert found[4] == pytest.approx(wrong, rel=0.25)


def test_scatter_is_no_outlier_and_few_numbers_raise_nothing():
    rng = np.random.default_rng(2)
    hits = sum(
        bool(find_factor_outliers(np.exp(s * rng.standard_normal(8)))) for s in (0.05, 0.1, 0.2) for _ in range(200)
    )
    assert hits < 12  # 2 %
    assert find_factor_outliers(np.array([1.0, 1.0, 1.0, 2.0])) == {}


def test_where_a_third_stands_apart_nobody_is_named():
    assert find_factor_outliers(np.array([1.0, 1.02, 0.98, 1.01, 2.0, 2.05, 0.5])) == {}
