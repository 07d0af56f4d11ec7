#!/bin/sh
# status.sh lsf|sge|pbs NUMBER
# Prints running, success or failed, as Snakemake wants it. A job that has left the queue without an exit status was
# killed. Where the queue does not answer, the job counts as running.
set -eu
system=$1 job=$2
status=logs/cluster/$job.status

ended() {
    if [ -e "$status" ]; then
        [ "$(cat "$status")" = 0 ] && echo success || echo failed
        exit
    fi
}

ended
gone='not found|do not exist|does not exist|unknown job|has finished|not exist'
case $system in
lsf)
    answer=$(bjobs -noheader -o stat "$job" 2>&1) || true
    gone="$gone|^(DONE|EXIT)"
    ;;
sge)
    answer=$(qstat -j "$job" 2>&1) || true
    # In state E, a job stays in the queue and never starts.
    gone="$gone|^error reason"
    ;;
pbs)
    answer=$(qstat "$job" 2>&1) || true
    ;;
*)
    echo "error: status.sh knows lsf, sge and pbs, and not '$system'" >&2
    exit 2
    ;;
esac
if printf '%s\n' "$answer" | grep -Eiq "$gone"; then
    # Shared file systems may show the file late.
    sleep "${WHENCE_STATUS_SECONDS:-10}"
    ended
    echo failed
else
    echo running
fi
