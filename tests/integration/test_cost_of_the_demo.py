"""What `cost` says of the demo, by rates measured here, against the benchmarks of the demo that ran here.

Run it by hand after `make demo`: `WHENCE_REQUIRE=demo pytest tests/integration/test_cost_of_the_demo.py`. It is not
part of `make test`, before which there is no demo, and it needs a machine on which nothing else runs.
"""

import os
from typing import Any

import pandas as pd
import pytest

from workflow_scripts.common.provenance import ROOT
from workflow_scripts.steps.calibrate import calibrate
from workflow_scripts.steps.cost import cost
from workflow_scripts.steps.start import start
from workflow_scripts.study.config import Config

HEAVY = ("train", "sweep", "pair_sweep", "zoom_sweep")
FACTOR = 2.0


def test_the_estimate_of_the_demo_is_within_a_factor_of_two(monkeypatch, capsys):
    if "demo" not in os.environ.get("WHENCE_REQUIRE", ""):
        pytest.skip("WHENCE_REQUIRE does not name demo, whose results would be compared")
    monkeypatch.chdir(ROOT)
    configuration = Config(study="demo")
    workspace, _ = start(configuration.model_dump())
    settings: dict[str, Any] = {"configuration": configuration, "snakefile": str(ROOT / "Snakefile")}
    calibrate(**settings)
    cost(**settings)
    with capsys.disabled():
        print(capsys.readouterr().out)
    table = pd.read_csv(f"{workspace.results}/cost/cost.csv").set_index("rule")
    for rule in ("all", *HEAVY):
        row = table.loc[rule]
        assert row["jobs_measured"] > 0, f"no benchmark of {rule}: run 'make demo' first"
        ratio = row["estimated_cpu_hours_of_measured"] / row["measured_cpu_hours"]
        assert 1 / FACTOR < ratio < FACTOR, f"{rule}: the estimate is {ratio:.2f} times what was measured"
