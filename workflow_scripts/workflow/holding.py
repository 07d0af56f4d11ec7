"""One Snakemake at a time in a folder of results, whichever clone or machine it is started from.

Snakemake's own lock is in its working folder, so two clones that share their results know nothing of each other, and
one would delete what the other has just finished.
"""

import atexit
import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import InputError, complaint
from workflow_scripts.common.lock import OWNER, locked

HELD = ".held"
# A Snakemake that was just ended may take so long to be gone.
PATIENCE = 5.0


def hold_results(results: str) -> None:
    """Hold the results of a study until this process ends; ends it with one line where another one holds them."""
    held = ExitStack()
    try:
        held.enter_context(locked(Path(results) / HELD, PATIENCE))
    except (InputError, OSError) as error:
        sys.exit(f"error: {complaint(error)}")
    atexit.register(held.close)


def holder(results: Path) -> dict[str, Any]:
    """Who holds the results of a study: `host`, `process`, and the time of the last heartbeat as `seen`.

    Empty where nobody does. A process of this machine that has ended counts as nobody.
    """
    file = results / HELD / OWNER
    try:
        owner, seen = json.loads(file.read_text()), file.stat().st_mtime
    except (OSError, ValueError):
        return {}
    if owner.get("host") == socket.gethostname() and not Path(f"/proc/{owner.get('process')}").exists():
        return {}
    return {**owner, "seen": seen}
