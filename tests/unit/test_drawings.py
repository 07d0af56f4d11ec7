"""SVGs of figures: the same figure is the same file, letters keep their size, and the page's form shows the same."""

import re
import shutil
import subprocess
from urllib.parse import unquote
from xml.dom import minidom

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from workflow_scripts.results.figures.style import WIDTH, apply_style, save_figure
from workflow_scripts.results.page import media
from workflow_scripts.results.page.drawing import as_address, compact


def drawn(folder, name="figure", points=30, title='it\'s "quoted" & <b>bold</b> # 100 %'):
    """A figure with lines, markers, hatches, clipping and texts."""
    apply_style()
    figure, axes = plt.subplots(figsize=(WIDTH, 2), layout="constrained")
    axes.plot(np.linspace(0, 1, points), np.random.default_rng(0).random(points), "o--", label="measured")
    axes.bar([0.2, 0.7], [0.4, 1.4], 0.1, hatch="//", label="bars")
    axes.set(title=title, ylim=(0, 1), xlabel="magnitude (degrees)")
    axes.legend()
    save_figure(figure, pd.DataFrame({"x": [1]}), folder / name)
    plt.close(figure)
    return folder / f"{name}.svg"


def test_the_same_figure_is_the_same_file(tmp_path):
    assert drawn(tmp_path, "a").read_bytes() == drawn(tmp_path, "b").read_bytes()


def test_places_are_rounded_and_factors_are_not(tmp_path):
    text = drawn(tmp_path).read_text()
    assert "scale(0.015625)" in text
    assert not re.search(r"translate\([^)]*\.\d{3}", text)


def test_a_drawing_is_shorter_on_the_page_and_its_references_hold(tmp_path):
    text = drawn(tmp_path).read_text()
    packed = compact(text)
    parsed = minidom.parseString(packed)
    ids = [one.getAttribute("id") for one in parsed.getElementsByTagName("*") if one.hasAttribute("id")]
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', packed))
    assert sorted(ids) == sorted(used)
    assert packed.count("<use") == text.count("<use")
    assert packed.count("<path") == text.count("<path")
    address = as_address(text)
    assert '"' not in address
    assert len(address) < 0.8 * len(text)
    minidom.parseString(unquote(address.partition(",")[2]))


def test_a_large_drawing_is_shown_by_its_pixels(tmp_path):
    small, large = drawn(tmp_path), drawn(tmp_path, "large", points=10_000)
    assert media.figure(small.with_suffix(".png"), small).source.startswith("data:image/svg+xml,")
    assert media.figure(small.with_suffix(".png"), None).source.startswith("data:image/webp;")
    assert large.stat().st_size > 2 * media.LARGEST_LINES
    assert media.figure(large.with_suffix(".png"), large).source.startswith("data:image/webp;")


def test_a_browser_draws_what_the_png_shows(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian's package chromium)")
    svg = drawn(tmp_path)
    source = as_address(svg.read_text())
    (tmp_path / "page.html").write_text(
        f'<body style="margin:0"><img src="{source}" style="width:2025px;height:600px">'
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=2025,600"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={tmp_path / 'seen.png'}"]
    page = (tmp_path / "page.html").as_uri()
    subprocess.run([browser, *options, page], capture_output=True, timeout=120, check=True)
    seen, png = (
        np.asarray(Image.open(path).convert("L").resize((675, 200)), dtype=float)
        for path in (tmp_path / "seen.png", svg.with_suffix(".png"))
    )
    # Letters of another size differ by more than the edges of lines do.
    assert np.abs(seen - png).mean() < 4
