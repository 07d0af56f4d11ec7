"""The page of a study: every text of a user's is text, every number is a result's, and nothing else is needed."""

import base64
import gzip
import html
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.unit.finished import Finished, finished
from tests.unit.hostile import TEXTS
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import write_table
from workflow_scripts.results.catalogue import ENTRIES
from workflow_scripts.results.page import assemble, examples, media, origin
from workflow_scripts.results.page.interactive import library
from workflow_scripts.results.report import TEMPLATES

WIDTHS = (1440, 1024, 390)
LEVELS = {"high": 0.9, "low": 0.2}
SEVERAL = tuple(f"class {number}" for number in (10, 9, 3, 30, 1, 2))


class Parts(HTMLParser):
    """The tags of a page with their attributes, its texts, and its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, data):
        if self._in_script:
            self.scripts.append(data)
        else:
            self.text += data


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Finished:
    return finished(
        tmp_path_factory.mktemp("page"),
        LEVELS,
        labels={"high": "The first", "low": "A second, smaller"},
        classes=SEVERAL,
    )


@pytest.fixture(scope="module")
def page(study) -> str:
    return study.page()


# One file, and everything in it


def test_the_page_needs_no_other_file(page):
    parts = Parts(page)
    addresses = [value for _, known in parts.tags for name, value in known.items() if name in ("src", "href")]
    assert len(addresses) > 20
    assert {str(one).partition(":")[0] if not str(one).startswith("#") else "#" for one in addresses} == {"#", "data"}
    anchors = {known["id"] for _, known in parts.tags if known.get("id")}
    assert {str(one)[1:] for one in addresses if str(one).startswith("#")} <= anchors
    policy = next(known["content"] for tag, known in parts.tags if known.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'; img-src data:")
    # The library has addresses in it; the policy lets nothing be fetched.
    assert page.count(library()) == 1
    assert not re.findall(r"https?://|@import|url\(", page.replace(library(), ""))


def with_examples(study: Finished, webp: bytes) -> Finished:
    """The study with images behind its invariances: a series of the first model, and two pairs of each."""
    rows = []
    for model in LEVELS:
        series = [("series", "t(x)", magnitude) for magnitude in (0, 4, 9)] if model == "high" else []
        pairs = [(example, view, 4) for example in ("least", "most") for view in ("x", "t(x)", "t(x')")]
        for example, view, magnitude in (*series, *pairs):
            about = {"model": model, "transformation": "rotate", "magnitude": magnitude, "value": 10.0 * magnitude}
            measured = {"distance": 0.0625, "baseline": 0.5, "invariance": {"least": -0.25}.get(example, 0.875)}
            shown = {"example": example, "view": view, "image": 7, "unit": "degrees", "webp": webp}
            rows.append({**about, **measured, **shown})
    path = study.folder / "results/mine/metrics/extremes/invariance.parquet"
    write_table(path, pd.DataFrame(rows))
    return Finished(study.folder, {**study.arguments, "examples": [path]})


def encoded_image() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(written, "WEBP")
    return written.getvalue()


def test_images_behind_the_numbers_are_shown_with_their_numbers(study):
    webp = encoded_image()
    parts = Parts(with_examples(study, webp).page())
    source = media.address(webp, ".webp")
    images = [known for tag, known in parts.tags if tag == "img" and known["src"] == source]
    assert len(images) == 3 + 2 * 2 * 3
    assert {(known["width"], known["height"]) for known in images} == {("64", "48")}
    assert [known["alt"] for known in images[:3]] == [
        f"image 7 after rotate by {degrees} degrees" for degrees in (0, 40, 90)
    ]
    spoken = " ".join(parts.text.split())
    assert "40 degrees: 0.88" in spoken
    assert "Changes most (The first): invariance −0.25; the transformation moves the embedding by 0.062" in spoken
    assert "Changes least (A second, smaller): invariance 0.88" in spoken
    assert "another image, transformed, lies at 0.500" in spoken


def test_images_of_more_models_than_fit_stay_in_their_table(study, monkeypatch):
    monkeypatch.setattr(examples, "MOST_MODELS", 1)
    parts = Parts(with_examples(study, encoded_image()).page())
    assert "Pairs of 1 more model are in invariance.parquet." in " ".join(parts.text.split())
    assert not [known for tag, known in parts.tags if tag == "h3" and known.get("id") == "examples-2"]


def test_a_names_anchor_is_there_once(page):
    counts = Counter(known["id"] for _, known in Parts(page).tags if known.get("id"))
    assert set(counts.values()) == {1}


def test_every_figure_is_shown_with_its_data(study, page):
    parts = Parts(page)
    images = [known for tag, known in parts.tags if tag == "img"]
    # On the first screen, and in its section.
    assert len(images) == 2
    assert all(str(known["alt"]).startswith("Figure 2: ") for known in images)
    links = {known["download"]: str(known["href"]) for tag, known in parts.tags if "download" in known}
    assert {"figure_2.csv", "figure_2.pdf", "table_a2.csv", "table_a2_summary.csv"} == set(links)
    content = base64.b64decode(links["figure_2.csv"].partition(",")[2])
    assert content == (study.folder / "results/mine/figures/figure_2.csv").read_bytes()


def test_a_new_entry_of_the_catalogue_is_on_the_page(study, monkeypatch, tmp_path):
    """A figure that nobody wrote words for has a summary of its numbers."""
    name = "figure_unheard_of"
    entry = replace(ENTRIES[0], name=name, number="X", shows="something new", category="Fresh")
    monkeypatch.setattr(assemble, "ENTRIES", [*ENTRIES, entry])
    (tmp_path / f"{name}.rst").write_text("Drawn for a test.")
    for caption in study.arguments["captions"].glob("*.rst"):
        shutil.copy(caption, tmp_path)
    beginning = study.folder / name
    drawn = study.arguments["results"]["figure_2"]
    (study.folder / ".seals").mkdir(exist_ok=True)
    for ending in entry.endings:
        shutil.copy(f"{drawn}{ending}", f"{beginning}{ending}")
        seal = drawn.parent / ".seals" / f"figure_2{ending}.json"
        shutil.copy(seal, study.folder / ".seals" / f"{name}{ending}.json")
    changed = {**study.arguments, "captions": tmp_path, "results": {**study.arguments["results"], name: beginning}}
    text = Finished(study.folder, changed).page()
    assert f'id="{name}"' in text
    assert "Drawn for a test." in text
    rows = len(study.data("figure_2"))
    assert f"The data are {rows} rows" in text


def test_a_damaged_figure_is_refused(study, tmp_path):
    copy = shutil.copytree(study.folder, tmp_path / "copy")
    moved = {name: copy / path.relative_to(study.folder) for name, path in study.arguments["results"].items()}
    changed = Finished(copy, {**study.arguments, "results": moved})
    with (copy / "results/mine/figures/figure_2.csv").open("a") as file:
        file.write("translateX,high,5,0.5,degrees,0,0,0,0,0,1,0,0,0\n")
    with pytest.raises(InputError, match=r"figure_2\.csv"):
        changed.page()


# Texts of the user's


@pytest.mark.filterwarnings("ignore:Glyph")
def test_texts_of_a_study_are_shown_as_they_are(page, tmp_path):
    texts = [text for text in [*TEXTS, "<!-- ", "'\"&amp;", "${x}", "<b>x</b>", "]]>"] if "\x1b" not in text]
    labels = {"high": " ".join(texts[::2]), "low": " ".join(texts[1::2])}
    made = finished(tmp_path, LEVELS, title=" ".join(texts), labels=labels, classes=tuple(texts)).page()
    usual, parts = Parts(page), Parts(made)
    assert {tag for tag, _ in parts.tags} <= {tag for tag, _ in usual.tags}
    assert {name for _, known in parts.tags for name in known} <= {name for _, known in usual.tags for name in known}
    assert parts.scripts[1:] == [library(), (TEMPLATES / "page.js").read_text()]
    spoken = " ".join(parts.text.split())
    for text in (*texts, *labels.values()):
        assert " ".join(text.split()) in spoken


# Pictures and data


def test_a_chart_keeps_every_pixel_and_a_photograph_becomes_small(tmp_path):
    rng = np.random.default_rng(0)
    chart = np.kron(rng.integers(0, 4, (40, 60)), np.ones((10, 10), int))[..., None] * np.array([60, 40, 20])
    smooth = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).resize((600, 800), 3)
    Image.fromarray(chart.astype(np.uint8)).save(tmp_path / "chart.png")
    smooth.save(tmp_path / "photograph.png")
    shown = media.picture(tmp_path / "chart.png")
    assert (shown.width, shown.height) == (600, 400)
    with Image.open(io.BytesIO(base64.b64decode(shown.source.partition(",")[2]))) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), chart)
    assert len(media.picture(tmp_path / "photograph.png").source) < 0.2 * (tmp_path / "photograph.png").stat().st_size


@pytest.mark.parametrize(("rows", "packed", "kept"), [(10, False, True), (20_000, True, True), (200_000, False, False)])
def test_data_are_packed_when_large_and_stay_outside_when_too_large(rows, packed, kept, tmp_path):
    numbers = np.random.default_rng(0).random(rows)
    pd.DataFrame({"x": numbers}).to_csv(tmp_path / "data.csv", index=False)
    found = media.data(tmp_path / "data.csv")
    assert found.name == ("data.csv.gz" if packed else "data.csv")
    assert bool(found.source) == kept
    if kept:
        content = base64.b64decode(found.source.partition(",")[2])
        content = gzip.decompress(content) if packed else content
        assert content == (tmp_path / "data.csv").read_bytes()


def test_a_page_is_small(page):
    assert len(page) - len(library()) < 600_000
    assert len(library()) < 1_000_000


# Where it comes from


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b/blob/"),
        ("https://user:secret@github.com/a/b", "https://github.com/a/b/blob/"),
        ("git@gitlab.com:a/b.git", "https://gitlab.com/a/b/blob/"),
        ("ssh://git@codeberg.org/a/b", "https://codeberg.org/a/b/blob/"),
        ("https://example.com/a/b", ""),
        ("https://github.com.evil.org/a/b", ""),
        ("/home/me/b", ""),
    ],
)
def test_a_commit_has_an_address_on_a_known_forge_without_its_secrets(remote, address, tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    (tmp_path / "file").write_text("1")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["remote", "add", "origin", remote]):
        subprocess.run([*git, *arguments], check=True)
    found = origin.commit(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{40}", found.digest)
    assert not found.changed
    assert found.address == (f"{address}{found.digest}/" if address else "")
    assert "secret" not in found.address
    (tmp_path / "file").write_text("2")
    assert origin.commit(tmp_path).changed
    (tmp_path / "inner").mkdir()
    assert origin.commit(tmp_path / "inner").digest == ""


def test_costs_are_those_of_the_jobs_of_this_study(tmp_path):
    records, results = tmp_path / "records", tmp_path / "results/mine"
    wrote = [
        ("results/mine/a.parquet", {"rule": "train", "shellcmd": "1", "starttime": 0.0, "endtime": 60.0}),
        # The same job's second file, written a little later.
        ("results/mine/b.parquet", {"rule": "train", "shellcmd": "1", "starttime": 0.0, "endtime": 61.0}),
        ("results/mine/c.parquet", {"rule": "train", "shellcmd": "2", "starttime": 10.0, "endtime": 69.0}),
        ("results/mine/d.png", {"rule": "figure_2", "shellcmd": "3", "starttime": 0.0, "endtime": 6.0}),
        ("results/mine/e.png", {"rule": "figure_3a", "shellcmd": "4", "starttime": None, "endtime": None}),
        ("results/mine2/f.png", {"rule": "figure_a1", "shellcmd": "5", "starttime": 0.0, "endtime": 6.0}),
    ]
    for name, record in wrote:
        path = records / base64.b64encode(str(tmp_path / name).encode()).decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
    (records / "no-record").write_text("{")
    logs = results / "logs" / "train"
    logs.mkdir(parents=True)
    (logs / "x-0.tsv").write_text("s\tmax_rss\n60.0\t100.5\n")
    (logs / "x-1.tsv").write_text("s\tmax_rss\n60.0\t-\n")
    found = origin.costs(results, records)
    assert found["rule"].to_list() == ["train", "figure_2"]
    assert found["jobs"].to_list() == [2, 1]
    assert found["minutes"].to_list() == pytest.approx([2.0, 0.1])
    assert found["memory"].iloc[0] == 100.5
    assert pd.isna(found["memory"].iloc[1])
    assert origin.costs(tmp_path / "other", tmp_path / "none").empty


# In a browser

HARNESS = """<!doctype html><meta charset="utf-8"><body><script>
const widths = WIDTHS, found = {};
const look = (width) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.onload = async () => {
    const page = frame.contentDocument, root = page.documentElement;
    const drawn = () => page.querySelectorAll("#interactive-figure svg path[aria-label]").length;
    for (let n = 0; n < 100 && !drawn(); n++) await new Promise((later) => setTimeout(later, 50));
    const points = drawn(), box = page.querySelector("#interactive-figure input[type=checkbox]");
    box.click();
    for (let n = 0; n < 100 && drawn() === points; n++) await new Promise((later) => setTimeout(later, 50));
    const off = [...page.querySelectorAll("body *")].filter((one) => {
      const box = one.getBoundingClientRect();
      return box.width && (box.right > width + 1 || box.left < -1) && !one.closest(".scroll, pre, .skip, dialog");
    }).map((one) => one.outerHTML.slice(0, 80));
    const blank = [...page.images].filter((one) => !one.naturalWidth || !one.getBoundingClientRect().width).length;
    const table = page.querySelector("article .table table");
    const cells = (column) => [...table.tBodies[0].rows].map((row) => row.cells[column].textContent);
    const sort = table.tHead.rows[0].cells[0].querySelector("button");
    sort.click(); const up = cells(0); sort.click(); const down = cells(0);
    const input = page.querySelector("article .table input");
    input.value = "CLASS 3"; input.dispatchEvent(new Event("input", {bubbles: true}));
    const kept = [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[0].textContent);
    page.querySelector(".enlarge").click();
    found[width] = {
      points, fewer: drawn(),
      scroll: root.scrollWidth, off, blank, images: page.images.length, up, down, kept,
      sorted: table.tHead.rows[0].cells[0].getAttribute("aria-sort"),
      said: page.querySelector("article .table [role=status]").textContent,
      enlarged: page.querySelector("dialog").open && page.querySelectorAll("dialog img").length,
    };
    frame.remove(); done();
  };
  frame.src = "page.html"; document.body.append(frame);
});
(async () => {
  for (const width of widths) await look(width);
  const out = document.createElement("pre"); out.id = "found"; out.textContent = JSON.stringify(found);
  document.body.append(out);
})();
</script></body>"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> tuple[dict, str]:
    """What a browser finds on the page at several widths, and what it complains of."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed (Debian's package chromium)")
    folder = tmp_path_factory.mktemp("browser")
    labels = {"high": "A label as long as labels get " * 4, "low": "unbroken" * 20}
    finished(folder, LEVELS, labels=labels, classes=SEVERAL).page()
    (folder / "look.html").write_text(HARNESS.replace("WIDTHS", str(list(WIDTHS))))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"]
    options += ["--enable-logging=stderr", "--virtual-time-budget=20000", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [browser, *options, (folder / "look.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), done.stderr


def test_a_browser_has_nothing_to_complain_of(seen):
    assert "CONSOLE" not in seen[1]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_off_the_screen_and_tables_sort_and_filter(seen, width):
    found = seen[0][str(width)]
    assert found["scroll"] <= width
    assert found["off"] == []
    # The third is the enlarged one.
    assert (found["blank"], found["images"], found["enlarged"]) == (0, 3, 1)
    # A point per magnitude and model; one of two models is taken away by its box.
    assert (found["points"], found["fewer"]) == (6, 3)
    # Names are sorted as people count.
    assert found["up"] == [f"class {one}" for one in (1, 2, 3, 9, 10, 30)]
    assert found["down"] == found["up"][::-1]
    assert found["sorted"] == "descending"
    assert found["kept"] == ["class 30", "class 3"]
    assert found["said"] == "2 of 6 rows"
