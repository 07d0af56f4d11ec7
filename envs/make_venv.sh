#!/bin/sh
# Create a virtual environment from requirements.lock. Needs Python 3.11 or newer, and no root.
# usage: make_venv.sh PYTHON FOLDER [WHEELS]
# WHEELS is the address of an index with PyTorch's wheels without CUDA; with it, cpu.lock is installed.
set -eu
python=$1
venv=$2
wheels=${3:-}
here=$(dirname "$0")

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "error: '$python' is not Python 3.11 or newer; install one, or run make PYTHON=/path/to/python3.11" >&2
    exit 1
}
if [ "$wheels" ]; then
    lock=cpu.lock size="about 1.4 GB, without CUDA"
else
    lock=requirements.lock size="about 6 GB with CUDA"
fi
echo "Installing the packages of envs/$lock into $venv ($size, once) ..."
rm -rf "$venv"
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    # Debian splits ensurepip off into python3-venv. A pip from elsewhere can fill an environment too.
    "$python" -m venv --without-pip "$venv" && "$python" -m pip --python "$venv/bin/python" install --quiet pip || {
        rm -rf "$venv"
        echo "error: '$python' has neither ensurepip nor pip; install Debian's python3-venv (or python3-pip)" >&2
        exit 1
    }
fi
set -- -m pip install --quiet --disable-pip-version-check -r "$here/$lock"
if [ -z "$wheels" ]; then
    exec "$venv/bin/python" "$@"
fi
# The lock is complete. Without dependencies, a wheel with CUDA cannot bring 4 GB of it along.
"$venv/bin/python" "$@" --no-deps --no-compile --extra-index-url "$wheels"
"$venv/bin/python" -c 'import sys, torch; sys.exit(torch.version.cuda is not None)' 2>/dev/null || {
    rm -rf "$venv"
    echo "error: '$wheels' gave no wheel of PyTorch without CUDA for this machine; see README.md, 'Installation'" >&2
    exit 1
}
