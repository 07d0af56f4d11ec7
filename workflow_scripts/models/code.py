"""Code of the user's that builds a network: read whole, so that a model's card holds all that it needs."""

from pathlib import Path

from workflow_scripts.common.errors import InputError, reason

# What belongs to a folder of code: modules, and files that say how to build a network.
SUFFIXES = (".py", ".json", ".yaml", ".yml", ".txt")
# The repositories of DINOv2 and its like have a tenth of it.
LARGEST = 10_000_000


def code_files(place: Path) -> list[Path]:
    """The files of `place` that belong to a model's code: itself, or those of a folder, in order."""
    if not place.is_dir():
        return [place]
    found = (path for path in place.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(place).parts))


def read_code(place: Path) -> dict[str, str]:
    """Texts of the files of `place`, by their names within it; raises `InputError` where they cannot be read."""
    texts, size = {}, 0
    for path in code_files(place):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a readable text file ({reason(error)}); correct the model's path") from error
        size += len(text)
        if size > LARGEST:
            raise InputError(f"{place}: its code has more than {LARGEST // 10**6} MB; move data out of the folder")
        texts[str(path.relative_to(place)) if place.is_dir() else path.name] = text
    if not texts:
        raise InputError(f"{place}: holds no code; correct the model's path")
    return texts
