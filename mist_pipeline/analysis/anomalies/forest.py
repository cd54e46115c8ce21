"""A grown isolation forest as plain arrays: what it says of a row, and its way to rows of ``state.forests`` and back.

A forest changes once a week and is asked every few minutes. Growing it needs scikit-learn, whose import alone takes longer than asking it;
asked it is here, with the same answers to the last bit. Not here: growing it, and what is asked (`isolation_forest`).

Trees are complete: each has `DEPTH` questions between its root and any of its ends. Where a tree ends sooner, the questions below are all
answered alike.

>>> one_question = Forest(np.array([[0]]), np.array([[1.5]]), np.array([[2.0, 1.0]]), 1.0)
>>> one_question.scores(np.array([[0.0], [3.0]]))  # the deeper in, the less unusual
array([0.25, 0.5 ])
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from mist_pipeline.analysis.stats.arrays import Floats, Ints

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest

_ROWS_AT_ONCE = 4096
"""So many rows and their places in a tree stay in the processor's cache."""


@dataclass(frozen=True)
class Forest:
    """Trees of one depth; of a node at place n the left child is at 2n + 1, the right one at 2n + 2.

    Attributes:
        column: Which column each question is about, trees × questions.
        bound: A row whose value is larger goes right, trees × questions.
        depth: How deep a row is that comes to an end, with what the training rows there would need to be told apart, trees × ends.
        usual: What the depths of an ordinary row add up to.
    """

    column: Ints
    bound: Floats
    depth: Floats
    usual: float

    @classmethod
    def of(cls, grown: "IsolationForest") -> Self:
        """From scikit-learn's."""
        levels = max(tree.get_depth() for tree in grown.estimators_)
        trees, inner = len(grown.estimators_), 2**levels - 1
        column = np.zeros((trees, inner), np.int64)
        bound = np.full((trees, inner), np.inf)
        depth = np.zeros((trees, inner + 1))
        for number, estimator in enumerate(grown.estimators_):
            tree = estimator.tree_
            length = grown._decision_path_lengths[number] + grown._average_path_length_per_tree[number] - 1.0  # noqa: SLF001
            at = {0: 0}
            for place in range(2 * inner + 1):
                node = at[place]
                is_end = tree.children_left[node] < 0
                if place >= inner:
                    depth[number, place - inner] = length[node]
                    continue
                if not is_end:
                    column[number, place], bound[number, place] = tree.feature[node], tree.threshold[node]
                at[2 * place + 1] = node if is_end else int(tree.children_left[node])
                at[2 * place + 2] = node if is_end else int(tree.children_right[node])
        usual = trees * _usual_depth(grown.max_samples_)
        return cls(column, bound, depth, usual)

    def scores(self, rows: Floats) -> Floats:
        """How unusual rows are (0.5 ordinary, towards 1 unusual).

        Args:
            rows: Rows × columns; compared in single precision, as the forest was grown.
        """
        seen = np.ascontiguousarray(rows, dtype=np.float32)
        found = [self._depths(seen[at : at + _ROWS_AT_ONCE]) for at in range(0, len(seen), _ROWS_AT_ONCE)]
        depths = np.concatenate(found) if found else np.zeros(0)
        result: Floats = 2.0 ** -(depths / self.usual)
        return result

    def _depths(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Floats:
        """Sum over the trees, in their order: the last bit of a sum depends on it."""
        inner = self.column.shape[1]
        levels = inner.bit_length()
        flat = rows.ravel().astype(np.float64)
        first = np.arange(len(rows)) * rows.shape[1]
        total = np.zeros(len(rows))
        for column, bound, depth in zip(self.column, self.bound, self.depth, strict=True):
            place = np.zeros(len(rows), np.int64)
            for _ in range(levels):
                goes_right = flat.take(first + column.take(place)) > bound.take(place)
                place = 2 * place + 1 + goes_right
            total += depth.take(place - inner)
        return total


def _usual_depth(rows: int) -> float:
    """Mean depth of an unsuccessful search among at least two rows (Liu, Ting & Zhou 2008, equation 1), as scikit-learn reckons it."""
    return (
        1.0 if rows == 2 else float(2.0 * (np.log(rows - 1.0) + np.euler_gamma) - 2.0 * (rows - 1.0) / rows)
    )
