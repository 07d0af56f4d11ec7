"""`make faults`: many faults, as a table of how many of each kind were survived."""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from tabulate import tabulate
from tqdm import tqdm

from tests.faults.harness import FAULTS, Bench, trial


def main() -> None:
    """Run trials and print the table; status 1 if any fault was not survived."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--trials", type=int, default=420)
    parser.add_argument("--seed", type=int, default=0, help="number of the first trial")
    options = parser.parse_args()
    tried: Counter[str] = Counter()
    survived: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for number in tqdm(range(options.seed, options.seed + options.trials), unit="fault"):
            kind, job, wrong = trial(bench, number, list(FAULTS))
            tried[kind] += 1
            survived[kind] += wrong is None
            if wrong:
                tqdm.write(f"trial {number}: {job}: {wrong}")
    rows = [[kind, tried[kind], survived[kind]] for kind in FAULTS]
    print(tabulate([*rows, ["all", tried.total(), survived.total()]], ["fault", "tried", "survived"], "pipe"))
    raise SystemExit(tried != survived)


if __name__ == "__main__":
    main()
