"""Pages of the site that lie outside of docs/: the front page is README.md, and the changelog is CHANGELOG.md."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
# Files that the pages link to, and that are no pages.
FILES = ("CITATION.cff",)


def page(name: str) -> str:
    """The text of README.md or CHANGELOG.md with its links as they are from docs/."""
    text = (ROOT / name).read_text()
    links = re.compile(r"\]\((?:docs/)?([^)#:]+)((?:#[^)]*)?)\)")
    return links.sub(lambda link: f"]({PAGES.get(link[1], link[1])}{link[2]})", text)


def indented(text: str) -> str:
    """The text of a page with four spaces in lists, where GitHub takes three, code in them included.

    Code in a list stands at the left edge in our pages (docs/extending.md), as it is to be put into files.
    """
    fence = re.compile(r"^   ```(.*?)^   ```$", re.MULTILINE | re.DOTALL)
    text = fence.sub(lambda found: re.sub(r"^(?=.)", "    ", f"```{found[1]}```", flags=re.MULTILINE), text)
    return re.sub(r"^   (?=\S)", "    ", text, flags=re.MULTILINE)


def on_page_markdown(markdown: str, **_about: Any) -> str:
    """Render lists as GitHub does."""
    return indented(markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages and files to those that MkDocs found in docs/."""
    from mkdocs.structure.files import File

    for name, target in PAGES.items():
        files.append(File.generated(config, target, content=page(name)))
    for name in FILES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text()))
    return files
