"""Splitting: seeded, stratified, and equal comments never on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toxiclf.datasets.comments import Comments
from toxiclf.datasets.splitting import Split, folds, split
from toxiclf.errors import DataError, UsageError


def numbered(toxic: int, others: int, name: str = "댓글") -> Comments:
    return Comments.of([f"{name} {i}" for i in range(toxic + others)], [1] * toxic + [0] * others)


def many_labels(rows: int, counts: list[int], seed: int = 0) -> Comments:
    """Independent labels, each on this many rows."""
    rng = np.random.default_rng(seed)
    targets = np.zeros((rows, len(counts)), dtype=np.uint8)
    for j, count in enumerate(counts):
        targets[rng.choice(rows, count, replace=False), j] = 1
    return Comments.of([f"댓글 {i}" for i in range(rows)], targets, [f"라벨{j}" for j in range(len(counts))])


def pieces(result: Split) -> list[Comments]:
    return [result.train, result.validation, *([result.test] if result.test is not None else [])]


def test_every_row_lands_in_one_part() -> None:
    comments = numbered(30, 170)
    result = split(comments, test=0.2, validation=0.1, seed=0)
    assert [len(piece) for piece in pieces(result)] == [140, 20, 40]
    assert sorted(text for piece in pieces(result) for text in piece.texts) == sorted(comments.texts)


def test_parts_keep_targets_and_lines_of_their_rows() -> None:
    comments = numbered(30, 170)
    for piece in pieces(split(comments, test=0.2, validation=0.1, seed=0)):
        for text, target, line in zip(piece.texts, piece.targets, piece.lines, strict=True):
            row = int(text.removeprefix("댓글 "))
            assert (target.tolist(), line) == ([int(row < 30)], row + 1)


def test_shares_of_the_rare_class_are_the_same_in_each_part() -> None:
    for piece in pieces(split(numbered(100, 900), test=0.2, validation=0.1, seed=3)):
        assert piece.counts()["toxic"] == pytest.approx(0.1 * len(piece), abs=1)


def test_the_seed_decides_the_split() -> None:
    comments = numbered(30, 170)

    def test_texts(seed: int) -> list[str]:
        part = split(comments, test=0.2, validation=0.1, seed=seed).test
        assert part is not None
        return part.texts

    assert test_texts(1) == test_texts(1)
    assert test_texts(1) != test_texts(2)


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=20, max_size=120), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_comments_equal_after_normalization_stay_together(rows: list[tuple[int, bool]], seed: int) -> None:
    texts = [f"댓글 {n}번" + (" \u200b!!!!!!" if spelled else "!!!!") for n, spelled in rows]
    extra = [f"또 {n}" for n in range(40)]
    comments = Comments.of(texts + extra, [n % 2 for n, _ in rows] + [n % 2 for n in range(40)])
    result = split(comments, test=0.2, validation=0.2, seed=seed)
    keys = [set(piece.keys()) for piece in pieces(result)]
    assert len(keys[0] | keys[1] | keys[2]) == sum(map(len, keys))
    assert sum(map(len, pieces(result))) == len(comments)
    for fitted, held in folds(comments, 3, seed):
        assert not set(comments.take(fitted).keys()) & set(comments.take(held).keys())


@pytest.mark.parametrize("seed", range(10))
def test_rare_labels_are_in_each_part(seed: int) -> None:
    comments = many_labels(400, [10, 10, 12, 40, 200, 300], seed)
    for piece in pieces(split(comments, test=0.2, validation=0.1, seed=seed)):
        assert all(0 < count < len(piece) for count in piece.counts().values())


def test_ten_rows_of_the_rare_class_are_enough_for_every_part() -> None:
    for seed in range(10):
        result = split(numbered(10, 90), test=0.2, validation=0.1, seed=seed)
        assert [piece.counts()["toxic"] for piece in pieces(result)] == [7, 1, 2]


def test_one_comment_without_any_label_is_no_obstacle() -> None:
    targets = np.eye(2, dtype=np.uint8)[np.arange(60) % 2]
    targets[0] = 0
    comments = Comments.of([f"댓글 {i}" for i in range(60)], targets, ("가", "나"))
    assert sum(map(len, pieces(split(comments, test=0.2, validation=0.1, seed=0)))) == 60


def test_without_a_test_share_every_row_is_trained_on_or_validates() -> None:
    result = split(numbered(30, 170), test=0, validation=0.1, seed=0)
    assert result.test is None
    assert len(result.train) + len(result.validation) == 200


# --- a test set of its own


def test_rows_that_the_test_part_holds_leave_training() -> None:
    comments = numbered(30, 170)
    part = Comments.of([f" {text} \u200b" for text in comments.texts[25:40]] + ["다른 것"], [1] * 5 + [0] * 11)
    result = split(comments, test=part, validation=0.1, seed=0)
    assert result.test is part
    assert result.leaked == 15
    assert len(result.train) + len(result.validation) == 185
    assert not set(part.keys()) & set(result.train.joined(result.validation).keys())


def test_a_test_part_that_shares_nothing_takes_nothing_out() -> None:
    result = split(numbered(30, 170), test=numbered(5, 20, "시험"), validation=0.1, seed=0)
    assert result.leaked == 0
    assert len(result.validation) == 20


def test_a_test_part_that_is_the_training_file_is_refused() -> None:
    comments = numbered(30, 170)
    with pytest.raises(
        DataError, match=r"200 training comments were removed because the test set holds them, too.*no usable row"
    ):
        split(comments, test=comments, validation=0.1, seed=0)


def test_a_test_part_that_leaves_too_few_rows_is_refused() -> None:
    comments = numbered(15, 170)
    with pytest.raises(
        DataError, match=r"6 training comments were removed.*label 'toxic' is 9, but training needs at least 10"
    ):
        split(
            comments,
            test=comments.take(np.array([0, 1, 2, 3, 4, 5])).joined(numbered(3, 9, "시험")),
            validation=0.1,
            seed=0,
        )


@pytest.mark.parametrize(("toxic", "others", "what"), [(0, 20, "with"), (20, 0, "without")])
def test_a_test_part_of_one_class_is_refused(toxic: int, others: int, what: str) -> None:
    with pytest.raises(DataError, match=f"the test set has no comment {what} label 'toxic'"):
        split(numbered(30, 170), test=numbered(toxic, others, "시험"), validation=0.1, seed=0)


# --- what cannot be split


@pytest.mark.parametrize(("test", "validation"), [(0.9, 0.1), (0.5, 0.6)])
def test_shares_that_leave_nothing_to_train_on_are_refused(test: float, validation: float) -> None:
    with pytest.raises(UsageError, match="leave nothing to train on"):
        split(numbered(30, 170), test=test, validation=validation, seed=0)


@pytest.mark.parametrize(
    ("comments", "test", "validation"),
    [
        (numbered(1, 170), 0.2, 0.1),
        (numbered(30, 170), 0.2, 0.001),
        (numbered(6, 6), 0.85, 0.1),
        (Comments.of(["나쁜 말"] * 30 + [f"댓글 {i}" for i in range(50)], [1] * 30 + [0] * 50), 0.2, 0.1),
    ],
    ids=["one toxic", "tiny share", "tiny rest", "one toxic comment repeated"],
)
def test_too_few_comments_are_refused_with_a_sentence(comments: Comments, test: float, validation: float) -> None:
    with pytest.raises(DataError, match="too few to hold out"):
        split(comments, test=test, validation=validation, seed=0)


# --- folds


@pytest.mark.parametrize("count", [2, 5])
def test_folds_hold_every_row_out_once_with_both_classes_on_each_side(count: int) -> None:
    comments = numbered(20, 100)
    parts = folds(comments, count, seed=0)
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(120))
    for fitted, held in parts:
        assert sorted([*fitted, *held]) == list(range(120))
        assert 0 < comments.targets[held].sum() < len(held)


def test_the_seed_decides_the_folds() -> None:
    comments = numbered(20, 100)
    first, again, other = (folds(comments, 3, seed)[0][1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_more_folds_than_comments_of_the_rare_class_are_refused() -> None:
    with pytest.raises(UsageError, match=r"decision\.folds is 15, but .* only 12 distinct comments"):
        folds(numbered(12, 100), 15, seed=0)
