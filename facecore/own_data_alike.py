"""Which of a user's pictures show the same or nearly the same."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from facecore.progress import OnProgress

_ALIKE = 0.97  # correlation; in FER-2013 all such pairs are the same photo, cut or saved again
_DISTANCE = (2 - 2 * _ALIKE) ** 0.5  # the same between two thumbs
_SEARCH_DIMS = 12
_NUM_TRIED = 100
_FEW_IN_VAIN = 0.01  # of the pictures; from here on one product of all of them is faster
_AT_ONCE = 64
_PACK_AGAIN = 0.8

_Table = npt.NDArray[np.float32]
_Rows = npt.NDArray[np.intp]


def group_alike(
    thumbs: Sequence[npt.NDArray[np.float32]], on_progress: OnProgress | None = None
) -> tuple[int, ...]:
    """Return a number per picture: the first one that it is like, directly or over others.

    A picture whose group is found is never compared again with others of that group, so that a
    group of any size costs about as much as it has pictures.

    Args:
        thumbs: from ``make_thumb``; a blank picture's is 0 and like no other.
        on_progress: called with pictures compared and in all; raising from it ends the work.
    """
    if not thumbs:
        return ()
    table = np.stack(thumbs)
    groups = np.arange(len(table))
    seen = np.flatnonzero(np.linalg.norm(table, axis=1) > 0.5)
    left = _Left(table, seen)
    num_done = len(table) - len(seen)

    def tell(num: int) -> None:
        nonlocal num_done
        num_done += num
        if on_progress is not None:
            on_progress(num_done, len(table))

    for start in range(0, len(seen), left.at_once):
        first_ones = left.keep_left(seen[start : start + left.at_once])
        for first, like in zip(first_ones, left.find_like(first_ones), strict=True):
            if not len(left.remove(first[np.newaxis])):  # like an earlier one of these
                continue
            waiting = left.remove(like)
            num_found = 1
            while len(waiting):
                groups[waiting] = first
                num_found += len(waiting)
                waiting = _find_all_like(left, waiting, tell)
            tell(num_found)
    return tuple(groups.tolist())


def _find_all_like(left: "_Left", rows: _Rows, tell: Callable[[int], None]) -> _Rows:
    """Take out, and return, the pictures that are like one of these."""
    found = [rows[:0]]
    for start in range(0, len(rows), left.at_once):
        if not left.num:
            break
        tell(0)
        found += map(left.remove, left.find_like(rows[start : start + left.at_once]))
    return np.concatenate(found)


class _Left:
    """The pictures that are in no group yet.

    Distances after a projection are never larger than before it, so a search in a few principal
    directions misses no pair. Where it finds too many others in vain, as with faces that differ in
    small things only, pictures are compared with all others, many at once.

    Args:
        table: float32 array of shape (N, ``THUMB_LENGTH``), of length 1 each.
        rows: of the table, ascending.
    """

    def __init__(self, table: _Table, rows: _Rows) -> None:
        self.num = len(rows)
        self._rows = rows
        self._table = table
        self._is_left = np.zeros(len(table), dtype=np.bool_)
        self._is_left[rows] = True
        self._few = table @ np.linalg.eigh(table.T @ table)[1][:, -_SEARCH_DIMS:]
        self._tree = cKDTree(self._few[rows])
        self._num_in_vain = 0
        self._searches = self._can_search()
        self.at_once = 1 if self._searches else _AT_ONCE
        self._packed = table[:0] if self._searches else table[rows]

    def keep_left(self, rows: _Rows) -> _Rows:
        """Return those that are left."""
        return rows[self._is_left[rows]]

    def remove(self, rows: _Rows) -> _Rows:
        """Take pictures out and return those that were in."""
        found = self.keep_left(rows)
        self._is_left[found] = False
        self.num -= len(found)
        return found

    def find_like(self, rows: _Rows) -> list[_Rows]:
        """Return for each picture those left that are like it; at most ``at_once`` are asked."""
        if self._searches:
            return [self._search(row) for row in rows.tolist()]
        if self.num < _PACK_AGAIN * len(self._rows):
            self._rows = self.keep_left(self._rows)
            self._packed = self._table[self._rows]
        links = self._table[rows] @ self._packed.T > _ALIKE
        return [self._rows[like] for like in links]

    def _search(self, row: int) -> _Rows:
        # Pictures that were taken out are found as well; before that costs more, search anew.
        if self._num_in_vain > len(self._rows):
            self._rows = self.keep_left(self._rows)
            self._tree = cKDTree(self._few[self._rows])
            self._num_in_vain = 0
        near = self._list_near(row)
        fresh = self.keep_left(near)
        self._num_in_vain += len(near) - len(fresh)
        like: _Rows = fresh[self._table[fresh] @ self._table[row] > _ALIKE]
        return like

    def _list_near(self, row: int) -> _Rows:
        found = self._tree.query_ball_point(self._few[row], _DISTANCE)
        near: _Rows = self._rows[np.array(found, dtype=np.intp)]
        return near

    def _can_search(self) -> bool:
        """Tell, by some of the pictures, whether most of what a search finds is really alike."""
        tried = self._rows[:: len(self._rows) // _NUM_TRIED + 1]
        near = self._tree.query_ball_point(self._few[tried], _DISTANCE, return_length=True)
        like = self._table[tried] @ self._table[self._rows].T > _ALIKE
        in_vain = int(near.sum()) - int(np.count_nonzero(like))
        return in_vain <= _FEW_IN_VAIN * like.size
