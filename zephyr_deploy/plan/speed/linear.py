"""The linear algebra of a handful of unknowns, without a library for it."""

from __future__ import annotations

from collections.abc import Sequence

Matrix = list[list[float]]


def times(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    """Their product."""
    return [sum(one * by for one, by in zip(row, vector, strict=True)) for row in matrix]


def solved(matrix: Matrix, right: Sequence[float]) -> list[float]:
    """The ``x`` with ``matrix x = right``: Gauss's elimination with pivots.

    Raises:
        ZeroDivisionError: the matrix has no inverse.
    """
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(column + 1, size):
            by = rows[row][column] / rows[column][column]
            rows[row] = [one - by * other for one, other in zip(rows[row], rows[column], strict=True)]
    found = [0.0] * size
    for row in reversed(range(size)):
        rest = sum(rows[row][column] * found[column] for column in range(row + 1, size))
        found[row] = (rows[row][size] - rest) / rows[row][row]
    return found


def inverse(matrix: Matrix) -> Matrix:
    """Of a symmetric matrix.

    Raises:
        ZeroDivisionError: it has none.
    """
    size = len(matrix)
    return [solved(matrix, [float(i == j) for j in range(size)]) for i in range(size)]
