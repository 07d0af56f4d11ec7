"""The environment of a job: what changes its results or its behaviour is set here, and not inherited.

docs/architecture.md says what is set, and why. Nothing heavy is imported here: this runs before everything else.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Environment = MutableMapping[str, str]

# What Python reads at its start. The working folder and the user's own packages are no places to import from.
PYTHON = {
    "PYTHONPATH": str(ROOT),
    "PYTHONSAFEPATH": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
    "PYTHONHASHSEED": "0",
}
# They change neither results nor behaviour, and a read-only installation needs them.
KEPT = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
# What a job is given, whatever the user's shell says.
FIXED = {
    "MPLBACKEND": "agg",
    "MATPLOTLIBRC": os.devnull,
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what cuBLAS asks for determinism
    "LC_ALL": "C.UTF-8",
}
# Libraries of linear algebra each have a name of their own for the number of threads.
THREADS = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "GOTO_NUM_THREADS")
# They replace float32 by types of fewer digits behind PyTorch's back.
PRECISION = (
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
)
# What a launcher tells the processes of a training, and by what it is told in turn.
RANK = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
RANK_PREFIXES = ("GROUP_", "ROLE_", "NODE_RANK", "TORCHELASTIC_", "PET_", "PYTHON_EXEC")
# On the command line of a launcher.
LAUNCHERS = (b"training.launch", b"torch.distributed.run", b"torch.distributed.launch")
LAUNCHER = "WHENCE_LAUNCHER"
"""The process number of a launcher of ours, for the ranks that it starts."""


def set_python_environment(environment: Environment) -> None:
    """Set what Python reads at its start, in the process that starts it."""
    for name in [name for name in environment if name.startswith("PYTHON") and name not in KEPT]:
        del environment[name]
    environment.update(PYTHON)


def set_job_environment(environment: Environment) -> None:
    """Set the environment of a job in its own process, before it imports anything that looks there."""
    rank = launched()
    set_python_environment(environment)
    environment.update(FIXED)
    if threads := environment.get("OMP_NUM_THREADS"):
        environment.update(dict.fromkeys(THREADS, threads))
    for name in PRECISION:
        environment.pop(name, None)
    if not rank:
        forget_launchers(environment)


def forget_launchers(environment: Environment) -> None:
    """Remove what launchers of other jobs have left."""
    for name in [name for name in environment if name in RANK or name.startswith(RANK_PREFIXES)]:
        del environment[name]
    environment.pop(LAUNCHER, None)


def launched() -> bool:
    """Whether torch's launcher started this process, as a rank of a training.

    Its variables may also be left over from another job; the process that started this one is no launcher then.
    """
    if not {"TORCHELASTIC_RUN_ID", "RANK", "WORLD_SIZE"} <= os.environ.keys():
        return False
    try:
        words = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    return any(word in LAUNCHERS or word.endswith(b"/torchrun") for word in words)
