"""Counting rows into cells, and drawing bootstrap samples of cells, each beside its plain twin.

A sample of n rows drawn with replacement is a multinomial draw over the cells. It is made here from
independent Poisson counts at rates that add up to a little less than n, then filled up with single rows:
given their sum, Poisson counts are multinomial, so the result is exact whatever the sum was (samples above n
are drawn anew). Each count is read off a table of its distribution, in a few nanoseconds whatever its size.
Always: nothing that grows is allocated in the loops; random numbers are SplitMix64 of a counter, the same in
both twins.
Left to others: which cells there are (`stats.cells`), what is made of samples (`stats.cell_bootstrap`).
"""

from __future__ import annotations

import itertools

import numpy as np
from numba import njit
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Tables = tuple[Floats, Codes, Codes, Codes]

_STEP, _FIRST, _SECOND = (
    np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
_UNIT = 2.0**-53


@njit(cache=True)
def count_pairs(truth: Codes, predicted: Codes, n_classes: int, tallies: Codes) -> bool:
    """Count the rows of each (truth, predicted); False when a code is out of range.

    Args:
        truth: `(n,)` codes in `[-1, n_classes)`.
        predicted: `(n,)` codes in `[0, n_classes)`.
        n_classes: At least 1.
        tallies: `(4, (n_classes + 1) * n_classes)`, added to; the counts are its sum over the first axis.
            Four of them, since a row of the same cell as the one before would have to wait for its sum.
    """
    n, k = len(truth), np.uint64(n_classes)
    whole = n - n % 4
    for row in range(0, whole, 4):
        for lane in range(4):
            true, called = np.uint64(truth[row + lane] + 1), np.uint64(predicted[row + lane])
            if (true > k) | (called >= k):
                return False
            tallies[lane, true * k + called] += 1
    for row in range(whole, n):
        true, called = np.uint64(truth[row] + 1), np.uint64(predicted[row])
        if (true > k) | (called >= k):
            return False
        tallies[0, true * k + called] += 1
    return True


def count_pairs_plainly(truth: Codes, predicted: Codes, n_classes: int, tallies: Codes) -> bool:
    """What `count_pairs` does, in plain numpy."""
    is_known = (truth >= -1) & (truth < n_classes) & (predicted >= 0) & (predicted < n_classes)
    if not is_known.all():
        return False
    tallies[0] += np.bincount((truth + 1) * n_classes + predicted, minlength=tallies.shape[1])
    return True


@njit(cache=True)
def count_triples(columns: tuple[Codes, Codes, Codes], sizes: Codes, tally: Codes) -> bool:
    """Count the rows of each combination of three codes; False when a code is out of range.

    Args:
        columns: Three of `(n,)` codes in `[0, size)`.
        sizes: `(3,)`.
        tally: `(product of sizes,)`, added to; the last code runs fastest.
    """
    first, second, third = columns
    a, b, c = np.uint64(sizes[0]), np.uint64(sizes[1]), np.uint64(sizes[2])
    for row in range(len(first)):
        x, y, z = np.uint64(first[row]), np.uint64(second[row]), np.uint64(third[row])
        if (x >= a) | (y >= b) | (z >= c):
            return False
        tally[(x * b + y) * c + z] += 1
    return True


def count_triples_plainly(columns: tuple[Codes, Codes, Codes], sizes: Codes, tally: Codes) -> bool:
    """What `count_triples` does, in plain numpy."""
    if any((column < 0).any() or (column >= size).any() for column, size in zip(columns, sizes, strict=True)):
        return False
    first, second, third = columns
    tally += np.bincount((first * sizes[1] + second) * sizes[2] + third, minlength=len(tally))
    return True


@njit(cache=True)
def locate(cumulative: Floats, guide: Codes) -> None:
    """Where to begin a search in one table.

    Args:
        cumulative: `(g,)` ascending, the last one 1.
        guide: `(g,)`, written: for each of as many equal parts of [0, 1), the first place whose chance
            exceeds the part's lower end.
    """
    size, place = len(guide), 0
    for part in range(size):
        while cumulative[place] <= part / size:
            place += 1
        guide[part] = place


@njit(cache=True)
def fill_tables(rates: Floats, lows: Codes, starts: Codes, cumulative: Floats, guide: Codes) -> None:
    """Cumulative Poisson distributions, one after the other, and where to begin a search in each.

    Args:
        rates: `(m,)`, at least 0.
        lows: `(m,)` the least value that each table holds; the rest below and above is beyond reach.
        starts: `(m + 1,)` where each table begins; table `i` is for `lows[i]` and the values that follow.
        cumulative: Written: the chance of each value or a smaller one; the last is 1.
        guide: Written: where to begin a search, as `locate` gives it.
    """
    for cell in range(len(rates)):
        begin, end = starts[cell], starts[cell + 1]
        size, rate, low = end - begin, rates[cell], lows[cell]
        # From the mode outwards, where nothing underflows.
        mode = min(max(int(rate) - low, 0), size - 1)
        cumulative[begin + mode] = 1.0
        for place in range(mode + 1, size):
            cumulative[begin + place] = cumulative[begin + place - 1] * rate / (low + place)
        for place in range(mode - 1, -1, -1):
            cumulative[begin + place] = cumulative[begin + place + 1] * (low + place + 1) / rate
        for place in range(1, size):
            cumulative[begin + place] += cumulative[begin + place - 1]
        whole = cumulative[end - 1]
        for place in range(size):
            cumulative[begin + place] /= whole
        locate(cumulative[begin:end], guide[begin:end])


def fill_tables_plainly(rates: Floats, lows: Codes, starts: Codes, cumulative: Floats, guide: Codes) -> None:
    """What `fill_tables` does, from scipy's Poisson distribution."""
    from scipy import stats

    for cell, rate in enumerate(rates):
        begin, end = starts[cell], starts[cell + 1]
        values = lows[cell] + np.arange(end - begin)
        below = stats.poisson.cdf(values, rate) - stats.poisson.cdf(lows[cell] - 1, rate)
        cumulative[begin:end] = below / below[-1]
        parts = np.arange(end - begin) / (end - begin)
        guide[begin:end] = np.searchsorted(cumulative[begin:end], parts, side="right")


@njit(cache=True)
def draw_sums(tables: Tables, targets: Codes, n: int, seed: np.uint64, out: Floats) -> None:
    """Draw bootstrap samples of n rows and add each cell's count to some sums.

    Args:
        tables: As `fill_tables` wrote them, `(cumulative, guide, starts, lows)`: one for the count of each of
            `m` cells, and a last one for the cell of a single row.
        targets: `(m, t)` places in a row of `out` that each cell's count is added to.
        n: Rows of a sample; the rates of the tables add up to less.
        seed: Of the random numbers.
        out: `(replicates, places)` zeros; written.
    """
    cumulative, guide, starts, lows = tables
    cells, state = len(targets), seed
    counts = np.zeros(cells, dtype=np.int64)
    for sample in range(len(out)):
        left = -1
        while left < 0:
            left = n
            for cell in range(cells):
                state += _STEP
                drawn = lows[cell] + _find(cumulative, guide, starts[cell], starts[cell + 1], state)
                counts[cell] = drawn
                left -= drawn
        for _ in range(left):
            state += _STEP
            counts[_find(cumulative, guide, starts[cells], starts[cells + 1], state)] += 1
        for cell in range(cells):
            for target in range(targets.shape[1]):
                out[sample, targets[cell, target]] += counts[cell]


@njit(cache=True, inline="always")
def _find(cumulative: Floats, guide: Codes, begin: int, end: int, state: np.uint64) -> int:
    """Place in a table where a random number falls."""
    mixed = (state ^ (state >> _S30)) * _FIRST
    mixed = (mixed ^ (mixed >> _S27)) * _SECOND
    number = ((mixed ^ (mixed >> _S31)) >> _S11) * _UNIT
    place: int = guide[begin + int(number * (end - begin))]
    while cumulative[begin + place] <= number:
        place += 1
    return place


def draw_sums_plainly(tables: Tables, targets: Codes, n: int, seed: np.uint64, out: Floats) -> None:
    """What `draw_sums` does, in plain numpy."""
    cumulative, _, starts, lows = tables
    parts = [cumulative[begin:end] for begin, end in itertools.pairwise(starts)]
    *of_cells, of_rows = parts
    used = 0
    for sample in out:
        left = -1
        while left < 0:
            numbers = random_numbers(seed, used, len(of_cells))
            used += len(of_cells)
            found = [
                np.searchsorted(part, number, side="right")
                for part, number in zip(of_cells, numbers, strict=True)
            ]
            counts = lows[: len(of_cells)] + np.array(found)
            left = n - counts.sum()
        rows = np.searchsorted(of_rows, random_numbers(seed, used, left), side="right")
        used += left
        np.add.at(counts, rows, 1)
        np.add.at(sample, targets, counts[:, None].astype(np.float64))


def random_numbers(seed: np.uint64, used: int, count: int) -> Floats:
    """Numbers `used + 1` to `used + count` of a seed, in [0, 1).

    Source:
        Steele, Lea, Flood (2014), OOPSLA: Fast splittable pseudorandom number generators.

    >>> random_numbers(np.uint64(1234567), 0, 2).round(6).tolist()
    [0.35008, 0.173644]
    """
    with np.errstate(over="ignore"):
        state = seed + _STEP * np.arange(used + 1, used + count + 1, dtype=np.uint64)
        mixed = (state ^ (state >> _S30)) * _FIRST
        mixed = (mixed ^ (mixed >> _S27)) * _SECOND
        return ((mixed ^ (mixed >> _S31)) >> _S11).astype(np.float64) * _UNIT
