"""Which alert told of which trouble, where several of both are near one another: as many pairs as there can be, one to one.

Taking the first alert for each trouble in turn may leave a trouble without one that it could have had. Here each trouble, in the
order of their begins, gets an alert if earlier ones can make room for it; of the alerts that would do, the first to open. So no
other choice tells of more troubles, none that tells of as many tells of earlier ones, and for these none takes earlier alerts.

>>> at = pl.Series([0, 0, 1])
>>> near = pl.DataFrame({"group": "s1", "trouble": at, "began_at": at, "own": ["a", "b", "a"], "opened_at": [0, 1, 0]})
>>> one_to_one(near, by="group").select("trouble", "own").sort("trouble").rows()
[(0, 'b'), (1, 'a')]

Not here: which alerts may be about which trouble (`alert_quality`).
"""

from collections.abc import Mapping, Sequence

import polars as pl


def one_to_one(near: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """The pairs that are taken.

    Args:
        near: trouble, began_at, own (alert), opened_at, and further columns, of every alert that may be about a trouble.
        by: Column of which both have the same; no pair joins two of its values.

    Returns:
        Rows of ``near``.
    """
    ordered = near.sort("began_at", "trouble", "opened_at", "own")
    first = ordered.unique("trouble", keep="first", maintain_order=True)
    # Where all wish for another alert each has its first; only the others have to be shared out.
    disputed = first.filter(pl.col("own").is_duplicated()).select(by).unique()
    chosen = [first.join(disputed, on=by, how="anti")]
    left = ordered.join(disputed, on=by, how="semi", maintain_order="left").with_row_index("place")
    for rows in left.partition_by(by, maintain_order=True):
        wishes: dict[int, list[tuple[int, int]]] = {}
        opened = rows["opened_at"].rank("dense") * rows.height + rows["own"].rank("dense")
        for trouble, own, place in zip(rows["trouble"], opened.cast(pl.Int64), rows["place"], strict=True):
            wishes.setdefault(trouble, []).append((own, place))
        chosen.append(left.filter(pl.col("place").is_in(_shared_out(wishes))).drop("place"))
    return pl.concat(chosen)


def _shared_out(wishes: Mapping[int, Sequence[tuple[int, int]]]) -> list[int]:
    """Places of the pairs that are taken: augmenting paths (Kuhn, Naval Research Logistics Quarterly 2, 1955).

    Args:
        wishes: Trouble, in order → alerts (ordered numbers) that may be about it, each with the place of the pair.
    """
    holder: dict[int, int] = {}
    held: dict[int, tuple[int, int]] = {}
    for trouble in wishes:
        # Alert → trouble that would take it, and the place of that pair; from the trouble, over those that hold what it could have.
        comes_from: dict[int, tuple[int, int]] = {}
        waiting = [trouble]
        for asking in waiting:
            for wished, place in wishes[asking]:
                if wished not in comes_from:
                    comes_from[wished] = asking, place
                    if wished in holder:
                        waiting.append(holder[wished])
        alert: int | None = min((one for one in comes_from if one not in holder), default=None)
        while alert is not None:
            taker, place = comes_from[alert]
            given_up = held.get(taker)
            holder[alert], held[taker] = taker, (alert, place)
            alert = None if given_up is None else given_up[0]
    return [place for _, place in held.values()]
