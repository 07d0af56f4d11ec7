#!/usr/bin/env bash
# A real Slurm on one machine, for tests: a CPU node and two GPU nodes of 32 CPUs each, partitions cpu and gpu, and
# urgent, whose jobs preempt those of gpu.
#   cluster.sh start FOLDER               configure and start; Slurm must be installed, and the user must be root
#   cluster.sh stop_controller FOLDER     end the controller alone, as for maintenance; jobs run on
#   cluster.sh start_controller FOLDER
#   cluster.sh stop FOLDER                cancel all jobs and end what was started
# No systemd; no cgroups, in whose place an epilog ends what is left of a job; the GPUs are device nodes that lead to
# /dev/null.
set -euo pipefail
folder=$2
host=$(hostname -s)
export SLURM_CONF=$folder/slurm.conf

end() { # end PIDFILE...: end the processes named in them, of those that are there
    local processes process
    # A daemon deletes its file before it ends.
    processes=$(cat "$@" 2>/dev/null) || true
    for process in $processes; do kill "$process" 2>/dev/null || true; done
    for process in $processes; do
        for _ in $(seq 100); do kill -0 "$process" 2>/dev/null || continue 2; sleep 0.1; done
        kill -9 "$process"
    done
}

wait_for() { # wait_for SECONDS COMMAND...
    local tenths=$(($1 * 10))
    shift
    for _ in $(seq "$tenths"); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
    echo "error: gave up waiting for: $*" >&2
    tail -n 5 "$folder"/*.log >&2
    return 1
}

answers() { munge --no-input --socket="$folder/munge/socket" | unmunge --socket="$folder/munge/socket"; }
no_jobs() { [ -z "$(squeue --noheader)" ]; }
idle() { [ "$(sinfo --noheader --Node --partition=cpu,gpu --format %t | grep -c '^idle$')" = "$1" ]; }

write_epilog() {
    cat >"$folder/epilog" <<'EPILOG'
#!/bin/sh
job=$SLURM_JOB_ID
unset SLURM_JOB_ID
for process in $(grep -lzx "SLURM_JOB_ID=$job" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3); do
    if [ "$process" != $$ ]; then kill -9 "$process" 2>/dev/null; fi
done
exit 0
EPILOG
    chmod 755 "$folder/epilog"
}

configure() {
    mkdir -p "$folder"/{munge,state,spool,gpus}
    write_epilog
    chmod 755 "$folder" "$folder/munge"
    # With plain files instead of device nodes CUDA_VISIBLE_DEVICES would stay empty.
    for number in 0 1 2 3; do mknod -m 666 "$folder/gpus/gpu$number" c 1 3; done
    echo "NodeName=g[1-2] Name=gpu Type=a100 File=$folder/gpus/gpu[0-3]" >"$folder/gres.conf"
    cat >"$folder/slurm.conf" <<CONF
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2
ReturnToService=1
JobRequeue=1
MinJobAge=3600
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=30
Epilog=$folder/epilog
SlurmctldPort=26817
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmdLogFile=$folder/slurmd.%n.log
SlurmdSpoolDir=$folder/spool/%n
StateSaveLocation=$folder/state
MailProg=/bin/true
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=c1 NodeHostname=$host NodeAddr=127.0.0.1 Port=27001 CPUs=32 RealMemory=64000 State=UNKNOWN
NodeName=g1 NodeHostname=$host NodeAddr=127.0.0.1 Port=27101 CPUs=32 RealMemory=64000 Gres=gpu:a100:4 State=UNKNOWN
NodeName=g2 NodeHostname=$host NodeAddr=127.0.0.1 Port=27102 CPUs=32 RealMemory=64000 Gres=gpu:a100:4 State=UNKNOWN
PartitionName=cpu Nodes=c1 Default=YES MaxTime=INFINITE DefMemPerCPU=200 State=UP
PartitionName=gpu Nodes=g[1-2] MaxTime=INFINITE DefMemPerCPU=200 PriorityTier=1 GraceTime=30 State=UP
PartitionName=urgent Nodes=g[1-2] MaxTime=INFINITE DefMemPerCPU=200 PriorityTier=9 PreemptMode=OFF State=UP
CONF
}

start() {
    configure
    # Snakemake's Slurm executor takes SLURM_CONF out of the environment of jobs.
    mkdir -p /etc/slurm
    ln -sfn "$folder/slurm.conf" /etc/slurm/slurm.conf
    dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 2>/dev/null
    chmod 400 "$folder/munge/key"
    munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munge/seed"
    wait_for 10 answers
    start_controller
    for node in c1 g1 g2; do
        mkdir -p "$folder/spool/$node"
        slurmd -N "$node"
    done
    wait_for 30 idle 3
}

start_controller() { slurmctld; }
stop_controller() { end "$folder/slurmctld.pid"; }

stop() {
    scancel --user root 2>/dev/null || true
    scancel --user root --signal=KILL --full 2>/dev/null || true
    wait_for 30 no_jobs || true
    end "$folder"/slurmd.*.pid
    end "$folder"/slurmctld.pid "$folder"/munged.pid
    if [ -L /etc/slurm/slurm.conf ]; then rm /etc/slurm/slurm.conf; fi
}

"$1"
