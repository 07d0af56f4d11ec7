"""Text of the user's is shown as text: in the report, in figures and in tables."""

import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from docutils.core import publish_parts

from tests.unit.hostile import TEXTS
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.text import as_rest
from workflow_scripts.results.figures.style import apply_style, save_figure
from workflow_scripts.results.snakemake_report import without_markup
from workflow_scripts.results.tables.writing import write_table_files

# Report


class Page(HTMLParser):
    """The tags of a page, and the texts of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: dict[str, str] = {}
        self._script: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._script = str(dict(attrs).get("id")) if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data


NAMES = ("workflow-desc", "results", "categories", "rulegraph", "rules")


@pytest.mark.parametrize("text", [*TEXTS, "<!-- <script>", "]]>", "${pwned}", "\u2028", "&lt;/script&gt;", "'\"\\"])
def test_text_in_the_page_stays_in_the_script_that_holds_it(text):
    value = {text: [text, {"x": text}]}
    scripts = "".join(
        f'    <script id="{name}">\n    var {name[:3]} = {json.dumps(value)};\n    </script>\n' for name in NAMES
    )
    page = Page(without_markup(f"<html><body>\n{scripts}<script>a < b;</script></body></html>"))
    assert page.tags == ["html", "body", *["script"] * 6]
    for name in NAMES:
        assert json.loads(page.scripts[name].strip().partition(" = ")[2].removesuffix(";")) == value
    assert page.scripts["None"] == "a < b;"


def test_a_page_of_another_template_is_refused():
    with pytest.raises(InputError, match="another way"):
        without_markup("<html><script>var results = {}</script></html>")


DIRECTIVES = ["T\n.. raw:: html\n\n   <b>x</b>\n", ".. include:: /etc/passwd", "*a*", "`x`_ |y| foo_ _bar_ __", "* x"]


@pytest.mark.parametrize("text", [*TEXTS, *DIRECTIVES])
def test_a_title_is_one_line_of_plain_text_in_the_report(text):
    html = publish_parts(f"**{as_rest(text)}**\n\nNext.", writer="html")["body"]
    page = Page(html)
    assert page.tags == ["p", "strong", "p"]
    shown = re.fullmatch(r"<p><strong>(.*)</strong></p>\n<p>Next.</p>\n", html)
    assert shown
    plain = shown[1].replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert plain == " ".join(re.sub(r"[\x00-\x1f]", " ", text).split())


# Figures and tables


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_text_in_a_figure_is_no_formula(tmp_path):
    texts = [*TEXTS, "$", "$x_1^2$", r"$\frac{$", r"\$", "_x", r"$\includegraphics$", "a^b_c"]
    apply_style()
    figure, axis = plt.subplots(figsize=(5, 12))
    axis.set_yticks(range(len(texts)), texts)
    patches = axis.bar(range(len(texts)), 1)
    for patch, text in zip(patches, texts, strict=True):
        patch.set_label(text)
    legend = figure.legend(handles=list(patches))
    above = axis.set_title("\n".join(texts))
    save_figure(figure, pd.DataFrame({"x": texts}), tmp_path / "figure")
    for shown in (axis.get_yticklabels(), legend.get_texts()):
        assert [one.get_text() for one in shown] == texts
        assert not any(one.get_parse_math() or one.get_usetex() for one in shown)
    assert not above.get_parse_math()
    plt.close(figure)
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert pd.read_csv(tmp_path / "figure.csv", keep_default_na=False)["x"].to_list() == texts


@pytest.mark.parametrize(("ends", "labels"), [((1e-4, 2), {"10⁻³", "10⁰"}), ((2, 5), {"2×10⁰", "3×10⁰"})])
def test_powers_on_a_logarithmic_axis_are_plain_text(ends, labels, tmp_path):
    apply_style()
    figure, axis = plt.subplots(figsize=(3, 3))
    axis.set(yscale="log", ylim=ends)
    save_figure(figure, pd.DataFrame({"x": [1]}), tmp_path / "figure")
    shown = [tick.get_text() for tick in (*axis.get_yticklabels(), *axis.get_yticklabels(minor=True))]
    assert labels <= set(shown)
    assert not any("$" in label for label in shown)
    plt.close(figure)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>x</script>", r"\<script\>x\</script\>"),
        ("`x`", r"\`x\`"),
        ("a\nb", r"a\\nb"),
        ("![x](y)", r"![x\](y)"),
        ("**x**", r"\*\*x\*\*"),
        ("_x_", r"\_x\_"),
        ("scale_zoom_in [px]", "scale_zoom_in [px]"),
        ("$x$", r"\$x\$"),
        ("=1+1", "=1+1"),
    ],
)
def test_a_text_in_a_table_is_no_markup(text, shown, tmp_path):
    write_table_files(table=pd.DataFrame({text: [text]}), output=tmp_path / "table")
    assert (tmp_path / "table.md").read_text().splitlines()[2].strip("| ") == shown
    assert pd.read_csv(tmp_path / "table.csv").to_dict("list") == {text: [text]}
