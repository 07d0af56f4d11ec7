"""An SVG of matplotlib's as part of the page: the same lines in fewer bytes."""

import re
from urllib.parse import quote

REFERENCE = re.compile(r'(?:xlink:href="|url\()#([^")]+)')
NAME = re.compile(r' id="([^"]*)"')
# A letter is a reference with a place.
MOVED = re.compile(r'(<use [^>]*?)transform="translate\((-?[\d.]+) (-?[\d.]+)\)"')
SAFE = " !$&'()*+,-./:;=?@_~"


def as_address(drawing: str) -> str:
    """An SVG as a data: address, as text, which is shorter than base 64."""
    packed = compact(drawing)
    # The quotes that an address can hold are shorter, where the drawing has none of its own.
    text = quote(packed if "'" in packed else packed.replace('"', "'"), safe=SAFE)
    # Names of namespaces and parts of the drawing itself: nothing in the page is to look like an address of elsewhere.
    return f"data:image/svg+xml,{text.replace('http://', 'http%3A//').replace('url(', 'url%28')}"


def compact(drawing: str) -> str:
    """The drawing without comments, metadata and line breaks, its parts by short names, and letters by their places."""
    root = drawing[drawing.index("<svg") :]
    bare = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", root, flags=re.DOTALL)
    packed = re.sub(r"\s+", " ", bare).replace("> <", "><").replace(' "', '"')
    names = {name: f"n{number:x}" for number, name in enumerate(dict.fromkeys(REFERENCE.findall(packed)))}
    packed = NAME.sub(lambda found: f' id="{names[found[1]]}"' if found[1] in names else "", packed)
    packed = REFERENCE.sub(lambda found: found[0].replace(f"#{found[1]}", f"#{names[found[1]]}"), packed)
    return MOVED.sub(r'\1x="\2" y="\3"', packed).replace("xlink:href", "href").replace(' y="0"', "")
