#!/bin/sh
# submit.sh GPUS MINUTES "OPTION" SUBMIT WORD ... JOBSCRIPT
# Gives JOBSCRIPT to the command SUBMIT WORD ... and prints the number of its job. In the words, @seconds becomes the time
# in seconds; @gpus becomes the OPTION with the number in the place of its @, or nothing where GPUS is 0.
#
# The script goes in by standard input, so that a job that waits for long needs no file of Snakemake's. When it ends, it
# writes its exit status to logs/cluster/NUMBER.status, which status.sh reads. A job that was killed leaves none.
set -eu
gpus=$1 seconds=$(($2 * 60)) option=
[ "$gpus" = 0 ] || option=${3%@*}$gpus${3#*@}
shift 3
left=$#
while [ "$left" -gt 1 ]; do
    word=$1
    shift
    left=$((left - 1))
    case $word in
    @gpus) set -- "$@" $option ;; # Without quotes: -gpu num=1 is two words.
    *@gpus*) set -- "$@" "${word%@gpus*}$option${word#*@gpus}" ;;
    *@seconds*) set -- "$@" "${word%@seconds*}$seconds${word#*@seconds}" ;;
    *) set -- "$@" "$word" ;;
    esac
done
script=$1
shift
mkdir -p logs/cluster
status="$(pwd)/logs/cluster/\${LSB_JOBID:-\${JOB_ID:-\$PBS_JOBID}}.status"
answer=$({
    echo '#!/bin/sh'
    echo '('
    cat "$script"
    echo
    echo ')'
    echo 'ended=$?'
    echo "echo \$ended > \"$status.new\" && mv \"$status.new\" \"$status\""
    echo 'exit $ended'
} | "$@")
# LSF says: Job <7> is submitted to queue <normal>. The others print the number.
number=$(printf '%s\n' "$answer" | sed -n 's/^Job <\([0-9]*\)>.*/\1/; s/[[:space:]]*$//; /^[0-9]/{p;q;}')
if [ -z "$number" ]; then
    echo "error: '$1' gave no number of a job, but: $answer" >&2
    exit 1
fi
echo "$number"
