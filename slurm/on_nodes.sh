#!/bin/sh
# on_nodes.sh NODES RANKS ARGUMENTS...
# Within a Slurm job: starts torch's launcher once on each of its NODES nodes, and by it Python with the
# ARGUMENTS in RANKS processes per node. They meet at the job's first node, at a port made from the job's number.
set -eu
nodes=$1 ranks=$2
shift 2
if [ -z "${SLURM_JOB_ID:-}" ]; then
    echo "error: execution.nodes is $nodes, which needs a Slurm job; run snakemake --profile slurm, or set it to 1" >&2
    exit 1
fi
hosts=$(scontrol show hostnames "$(squeue --noheader --jobs "$SLURM_JOB_ID" --format %N)")
first=$(scontrol show node "$(echo "$hosts" | head -n 1)" | sed -n 's/.*NodeAddr=\([^ ]*\).*/\1/p')
# Without it, a rank that fails on one node would leave the others waiting.
exec srun --overlap --kill-on-bad-exit=1 --nodes="$nodes" --ntasks="$nodes" --ntasks-per-node=1 \
    python -m workflow_scripts training.launch --nnodes "$nodes" --nproc-per-node "$ranks" --max-restarts 0 \
    --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID" --rdzv-endpoint "$first:$((20000 + SLURM_JOB_ID % 20000))" "$@"
