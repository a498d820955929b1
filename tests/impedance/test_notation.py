"""Circuits in two notations: read, written back, and refused with the place of the mistake."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import InputError
from rampion.impedance.circuit import Element, Parallel, Series, impedance_and_slopes, parameter_kinds
from rampion.impedance.notation import parse_circuit, print_boukamp, print_circuit


@pytest.mark.parametrize(
    ("text", "dashed"),
    [
        ("R(RQ)(RQ)", "R0-p(R1,CPE1)-p(R2,CPE2)"),
        ("LR(RC)W", "L0-R0-p(R1,C1)-W1"),
        ("R(Q[RW])", "R0-p(CPE1,R1-W1)"),
        ("R(Q(RW))", "R0-p(CPE1,R1-W1)"),
        ("R(C[R(RQ)])", "R0-p(C1,R1-p(R2,CPE1))"),
        ("(RQ)O", "p(R1,CPE1)-Ws1"),
        ("(RQ)T", "p(R1,CPE1)-Wo1"),
        (" R0 - p( R1 , CPE1 ) - W1 ", "R0-p(R1,CPE1)-W1"),
        ("R_0-p(R_1,Q_1)", "R0-p(R1,CPE1)"),
        ("R0-Be1-Con2", "R0-Be1-Con2"),
    ],
)
def test_both_notations_are_read(text, dashed):
    assert print_circuit(parse_circuit(text)) == dashed


def test_boukamp_is_written_back():
    for text in ("R(RQ)(RQ)", "R(Q[RW])", "LR(RC)O", "R"):
        assert print_boukamp(parse_circuit(text)) == text
    with pytest.raises(InputError, match="HN1"):
        print_boukamp(parse_circuit("R0-HN1"))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("R0-p(R1,CPE1", 13, "expected ',' or '\\)'"),
        ("R0-X1-R2", 4, "found 'X'"),
        ("R0--R1", 4, "found '-'"),
        ("R1-R1", 4, "R1 stands twice"),
        ("R0-p(R1)", 4, "two branches"),
        ("R(RQ", 5, "opened at character 2"),
        ("R(RQ))", 6, "out of place"),
        ("R()", 2, "two elements"),
        ("R0-p(R1,CPE1)R2", 14, "out of place"),
        ("", 1, "empty"),
    ],
)
def test_a_mistake_is_pointed_at(text, place, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_circuit(text)
    assert str(caught.value).split("\n")[-1] == " " * (place + 1) + "^"


@pytest.mark.parametrize("text", ["p(R," * 5000 + "C" + ")" * 5000, "(R[" * 5000 + "C", "(" * 100_000])
def test_brackets_without_end_are_refused_in_a_few_words(text):
    with pytest.raises(InputError, match="more than 30 brackets") as refused:
        parse_circuit(text)
    assert len(str(refused.value)) < 400


def test_a_ladder_of_ten_rungs_is_read():
    ladder = "".join(f"p(C{k},R{k}-" for k in range(1, 11)) + "W1" + ")" * 10
    assert print_circuit(parse_circuit(ladder)) == ladder


LEAVES = st.sampled_from(["R", "C", "L", "CPE", "W", "Wo", "Ws", "G", "HN", "Zarc", "Be", "Con"])


def trees() -> st.SearchStrategy:
    def grown(inner: st.SearchStrategy) -> st.SearchStrategy:
        return st.tuples(st.sampled_from([Series, Parallel]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda made: made[0](tuple(made[1]))
        )

    return st.recursive(LEAVES.map(Element), grown, max_leaves=8)


def numbered(node, count):
    if isinstance(node, Element):
        count.append(1)
        return Element(node.symbol, str(len(count)))
    return type(node)(tuple(numbered(part, count) for part in node.parts))


@given(trees())
@settings(max_examples=50, deadline=None, database=None)
def test_what_is_written_is_read_back(tree):
    tree = numbered(tree, [])
    read = parse_circuit(print_circuit(tree))
    assert print_circuit(parse_circuit(print_circuit(read))) == print_circuit(read)
    values = np.full((1, len(parameter_kinds(tree))), -0.3)
    omega = np.array([0.1, 3.0, 200.0])
    np.testing.assert_allclose(
        impedance_and_slopes(read, values, omega)[0], impedance_and_slopes(tree, values, omega)[0], rtol=1e-9
    )


@given(st.text(alphabet="RCLQWp(),-[]0 x", max_size=12))
@settings(max_examples=100, deadline=None, database=None)
def test_any_text_is_read_or_refused(text):
    try:
        node = parse_circuit(text)
    except InputError:
        return
    assert parse_circuit(print_circuit(node)) == node
