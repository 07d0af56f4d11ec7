"""Rule `fetch_u2net`: U2-Net as ONNX, from the local folder or else downloaded, checked by its digest."""

import hashlib
import logging
import shutil
import urllib.request
from pathlib import Path

from workflow_scripts.common.cli import run
from workflow_scripts.common.errors import InputError, reason
from workflow_scripts.common.files import atomic, link_or_copy
from workflow_scripts.foreground.one_file import refuse_other_files
from workflow_scripts.foreground.settings import U2NET_SHA256

log = logging.getLogger(__name__)
URL = "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx"
SECONDS = 60
"""Without an answer for so long, the download has failed."""


def fetch_u2net(*, file: Path, sha256: str, output: Path, url: str = URL) -> None:
    """Provide the ONNX network with digest `sha256` as `output`: `file`, or where that is absent, from `url`.

    Only the network that studies pin by default is downloaded. Raises `InputError` that says what to put
    where if there is no such network to be had, and for one that takes its weights from other files.
    """
    if file.exists():
        found = file_sha256(file)
        if found != sha256:
            raise InputError(
                f"{file}: its SHA-256 is {found}, but foreground.sha256 is {sha256}; replace the file "
                f"(the paper's network is at {URL}), or pin its digest in foreground.sha256"
            )
        _refuse_other_files(file)
        link_or_copy(file.resolve(), output)
        return
    if sha256 != U2NET_SHA256:
        raise InputError(f"{file}: no such file; put the network whose SHA-256 is foreground.sha256 ({sha256}) there")
    _download(url, file, sha256, output)


def _refuse_other_files(file: Path) -> None:
    try:
        refuse_other_files(file)
    except InputError:
        raise
    except Exception as error:  # protobuf and onnx have no common base of their errors
        raise InputError(f"{file}: not a readable ONNX file ({reason(error)}); replace the file") from error


def _download(url: str, file: Path, sha256: str, output: Path) -> None:
    log.info("downloading %s", url)
    with atomic(output) as temporary:
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer, temporary.open("wb") as target:
                shutil.copyfileobj(answer, target)
            found = file_sha256(temporary)
            wrong = "" if found == sha256 else f"what came has the SHA-256 {found}, not {sha256}"
        except (OSError, ValueError) as error:
            wrong = reason(error)
        if wrong:
            raise InputError(
                f"U2-Net could not be downloaded ({wrong}); put {url} into {file} by hand, work online, or set "
                "foreground.method to 'saliency', which needs no weights"
            )


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file; raises `InputError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); put the ONNX network there") from error


if __name__ == "__main__":
    run(fetch_u2net)
