from collections.abc import Sequence

def fit(
    blocks: list[Sequence[object]],
    widths: object,
    factors: object,
    signs: object,
    costs: object,
    regressions: int,
    tolerance: float,
    rounds: int,
    seed: int,
    /,
) -> tuple[bytearray, bytes, int]: ...
