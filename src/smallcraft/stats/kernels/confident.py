"""The two passes over `(n, k)` probabilities that confident learning needs, each beside its plain twin.

Pass one looks for rows that are no probabilities and gathers what each row gives its own label; pass two,
once the class thresholds are known, reads off everything else.
Always: nothing that grows is allocated here; float32 and float64 are read as they are; pass two takes only
what pass one found in order (the maximum of bit patterns below relies on it).
Left to others: thresholds, refusals and the joint (`stats.confident`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Places in the report of pass one.
UNEVEN, FURTHEST, REFUSED = 0, 1, 2

Floats = NDArray[np.floating]
Codes = NDArray[np.int64]
Bits = NDArray[np.signedinteger]


@njit(cache=True, fastmath={"reassoc"})
def gather_own(
    labels: Codes,
    probs: Floats,
    places: Codes,
    own: tuple[Floats, Floats],
    report: NDArray[np.float64],
) -> None:
    """Pass one: look at every value, keep what rows give their own label.

    Args:
        labels: `(n,)` codes in `[0, k)`.
        probs: `(n, k)`, C order.
        places: `(k,)` where the next row of each class goes in the sorted column; moved on.
        own: `(n,)` the probability of the given label in row order, and the same sorted by class; written.
        report: `(3,)`: how many rows are further from 1 than the second entry allows; the furthest; the first
            row with a negative value or further from 1 than the third entry allows, -1 for none. Read for its
            bounds first, then written.
    """
    in_order, by_class = own
    even, far = report[FURTHEST], report[REFUSED]
    uneven, furthest, refused = 0, 0.0, -1
    for row in range(probs.shape[0]):
        total, below = 0.0, 0
        for column in range(probs.shape[1]):
            value = probs[row, column]
            total += np.float64(value)
            below += value < 0
        gap = abs(total - 1.0)
        # A sum that is not a number fails every comparison.
        if not gap <= even:
            uneven += 1
            furthest = max(furthest, gap)
        if refused < 0 and (below > 0 or not gap <= far):
            refused = row
        label = labels[row]
        given = probs[row, label]
        in_order[row] = given
        by_class[places[label]] = given
        places[label] += 1
    report[UNEVEN], report[FURTHEST], report[REFUSED] = uneven, furthest, refused


def gather_own_plainly(
    labels: Codes, probs: Floats, places: Codes, own: tuple[Floats, Floats], report: NDArray[np.float64]
) -> None:
    """What `gather_own` does, in plain numpy."""
    gap = np.abs(probs.sum(axis=1, dtype=np.float64) - 1)
    uneven = ~(gap <= report[FURTHEST])
    refused = np.flatnonzero(~(gap <= report[REFUSED]) | (probs < 0).any(axis=1))
    given = probs[np.arange(len(labels)), labels]
    own[0][:] = given
    for code in range(len(places)):
        members = given[labels == code]
        own[1][places[code] : places[code] + len(members)] = members
        places[code] += len(members)
    furthest = gap[uneven].max() if uneven.any() else 0.0
    report[:] = uneven.sum(), furthest, refused[0] if len(refused) else -1


@njit(cache=True, error_model="numpy")
def scan_rows(
    labels: Codes,
    table: tuple[Floats, Bits],
    limits: tuple[Floats, np.floating, float],
    counts: Codes,
    out: tuple[NDArray[np.bool_], Codes, Floats],
) -> None:
    """Pass two: confident counts, flags, predictions and logit margins.

    A row's confident class is the one that reaches its cutoff, the most probable one if several do. A row is
    flagged where that is not its label and its label is not about the most probable either.

    Args:
        labels: `(n,)` codes in `[0, k)`.
        table: `(n, k)`, C order, of finite values from 0, and the same memory as integers of that width: they
            have the same order, and compilers take their maximum several at a time.
        limits: `(k,)` cutoffs of the classes in the type of the table; how far, in that type, the given label
            may be below the most probable one without a flag; the least probability in a logarithm.
        counts: `(k, k)`, one added for each row in `[label, confident class]`.
        out: `(n,)` flags, `(n,)` codes of the most probable class, `(n,)` margins; written.
    """
    (probs, bits), (cutoffs, close, least), (flagged, predicted, margin) = table, limits, out
    nothing, cell = bits.dtype.type(0), np.empty(1, dtype=probs.dtype)
    cell_bits = cell.view(bits.dtype)
    for row in range(probs.shape[0]):
        label, most, reaching = labels[row], nothing, 0
        for column in range(probs.shape[1]):
            reaching += probs[row, column] >= cutoffs[column]
            most = max(most, nothing if column == label else bits[row, column])
        cell_bits[0] = most
        given, other = probs[row, label], cell[0]
        best_at = label
        if given <= other:
            best_at = 0
            while probs[row, best_at] < other:
                best_at += 1
        confident = best_at
        if reaching == 1 and probs[row, best_at] < cutoffs[best_at]:
            confident = 0
            while probs[row, confident] < cutoffs[confident]:
                confident += 1
        # Without branches: which way a row goes cannot be foretold, and a wrong guess costs more.
        counts[label, confident] += reaching > 0
        raised = given + close
        spared = (raised > other) | ((raised == other) & (label < best_at))
        flagged[row] = (reaching > 0) & (confident != label) & (best_at != label) & (not spared)
        predicted[row] = best_at
        margin[row] = math.log(max(np.float64(given), least) / max(np.float64(other), least))


def scan_rows_plainly(
    labels: Codes,
    table: tuple[Floats, Bits],
    limits: tuple[Floats, np.floating, float],
    counts: Codes,
    out: tuple[NDArray[np.bool_], Codes, Floats],
) -> None:
    """What `scan_rows` does, in plain numpy."""
    (probs, _), (cutoffs, close, least), (flagged, predicted, margin) = table, limits, out
    rows = np.arange(len(labels))
    reaches = probs >= cutoffs
    reaching = reaches.sum(axis=1)
    predicted[:] = probs.argmax(axis=1)
    confident = np.where(reaching > 1, predicted, reaches.argmax(axis=1))
    np.add.at(counts, (labels[reaching > 0], confident[reaching > 0]), 1)
    raised, others = probs.copy(), probs.copy()
    raised[rows, labels] += close
    others[rows, labels] = -1
    flagged[:] = (reaching > 0) & (confident != labels) & (raised.argmax(axis=1) != labels)
    given, other = (
        np.maximum(p.astype(np.float64), least) for p in (probs[rows, labels], others.max(axis=1))
    )
    margin[:] = np.log(given / other)
