#!/usr/bin/env bash
# What has to hold on a GPU, as JSON: in one call of twelve minutes, or in two of less than ten.
#
#   DATA=pictures benchmarks/gpu.sh RESULTS
#
#   PARTS="1 2" benchmarks/gpu.sh RESULTS
#   PARTS="3 4" DATA=pictures benchmarks/gpu.sh RESULTS
#
# RESULTS is a folder; what an earlier call left there is gone on with, and its steps stay in the summary. DATA is the folder of the literature's pictures
# (standard9/ is used); without it parts 3 and 4 are left out. A part that fails or takes too long costs the others nothing.
#
#   1  the tests that need a GPU                                          summary.json
#   2  every network at 128², 256², 512²: engines beside a textbook loop  speed-MACHINE.json
#      three small fits at once: in turns, on streams, in processes       side-by-side-MACHINE.json
#   3  F16, noise of σ 25: one search of 60 and of 120 s                  alone/published.json
#      how busy the GPU is during that of 120 s, every 0.2 s              utilisation.csv
#      a third of a minute alone: F16, and in two calls Lena, Peppers     alone/published.json
#      these three at once, 60 s each, the first ones of part 4           table/published.json
#   4  as much of the published table as the time allows                  table/published.json
#
# summary.json has the exit codes (124: out of time), the seconds, the figures that matter and which goals are met, page.md the
# tables, and gpu.log what was said: eight files in all. The summary is written after every step, and when the script is asked to
# end. Other settings, by their environment variables: LIMIT (seconds for everything; 720, with one or two PARTS 560), DEVICE,
# PYTHON, of part 1 TESTS_AT_ONCE, and of part 4 SECONDS_PER_PICTURE, AT_ONCE and ROWS (denoise,sr4,sr8,inpaint). Where less than
# two calls of 560 s is lent, a shorter LIMIT takes from the last step of a call.
set -uo pipefail

out=${1:?"usage: DATA=FOLDER $0 RESULTS"}
mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd)
data=
if [ -n "${DATA:-}" ]; then
    data=$(cd "$DATA" && pwd) || exit 1
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
PYTHON=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
PARTS=${PARTS-1 2 3 4}
# Each step may take so long, alone with one other part or among all four, that the last one has its time.
some() { [ "$(wc -w <<<"$PARTS")" -le 2 ]; }
LIMIT=${LIMIT:-$(some && echo 560 || echo 720)} # ten minutes less what starting and the way of the files take; or twelve
GRACE=10            # seconds in which a step that is asked to end may write what it has
DEVICE=${DEVICE:-cuda}
SECONDS_PER_PICTURE=${SECONDS_PER_PICTURE:-60}
AT_ONCE=${AT_ONCE:-3}
TESTS_AT_ONCE=${TESTS_AT_ONCE:-4}
ROWS=${ROWS:-denoise}

scratch=$(mktemp -d)
steps=$scratch/steps
: >"$steps"
watcher=
child=
SECONDS=0

ended() {
    [ -z "$watcher" ] || kill "$watcher"
    [ -z "$child" ] || { kill "$child" && wait "$child"; }
    summary
    cat "$out/summary.json"
    rm -rf "$scratch"
}
trap ended EXIT
trap 'exit 143' TERM INT HUP

summary() {
    "$PYTHON" benchmarks/gpu_summary.py "$out" "$scratch" "$SECONDS" "$SECONDS_PER_PICTURE"
}

wanted() { [[ " $PARTS " == *" $1 "* ]]; }

# step NAME LIMIT COMMAND…: run it, at most so long and never beyond the limit of everything, and note how it went.
step() {
    local name=$1 most=$2 left=$((LIMIT - GRACE - SECONDS)) begun=$SECONDS code
    shift 2
    [ "$most" -gt "$left" ] && most=$left
    if [ "$most" -lt 5 ]; then
        echo "$name: no time is left" | tee -a "$out/gpu.log"
        echo "$name skipped 0" >>"$steps"
        return
    fi
    echo "== $name, at most $most s: $*" | tee -a "$out/gpu.log"
    # The searches of a bench end with it when it is asked to end, and not when it is killed. Bash hears of a signal while it
    # waits, and not while a command is in front.
    timeout --signal=TERM --kill-after="$GRACE" "$most" "$@" > >(tee -a "$out/gpu.log" "$scratch/$name.log") 2>&1 &
    child=$!
    wait "$child"
    code=$?
    child=
    echo "$name $code $((SECONDS - begun))" >>"$steps"
    summary
}

published() { # NAME LIMIT FOLDER OPTION…
    local name=$1 most=$2 folder=$3
    shift 3
    step "$name" "$most" "$PYTHON" cli.py bench published --data "$data" --device "$DEVICE" \
        --methods dipsearch,networks,first --out "$out/$folder" --page "$out/page.md" "$@"
}

if wanted 1; then
    step tests "$(some && echo 280 || echo 140)" "$PYTHON" -m pytest -m gpu -vv -n "$TESTS_AT_ONCE" --durations=10
fi

if wanted 2; then
    # A third of a second for each turn; the memory takes a process for every row, and is measured elsewhere.
    step speed "$(some && echo 200 || echo 100)" "$PYTHON" cli.py bench speed --device "$DEVICE" --sizes 128,256,512 \
        --seconds 1 --no-memory --out "$out" --page "$out/page.md"
    step "side-by-side" "$(some && echo 60 || echo 40)" "$PYTHON" cli.py bench side-by-side --device "$DEVICE" --sizes 128 \
        --networks 32x4 --at-once 3 --seconds 1 --out "$out" --page "$out/page.md"
fi

if wanted 3 && [ -n "$data" ]; then
    published "minute" 75 alone --rows denoise --pictures F16 --seconds-per-picture 60
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used --format=csv,noheader,nounits -lms 200 \
            >"$out/utilisation.csv" &
        watcher=$!
    fi
    published "two-minutes" 135 alone --rows denoise --pictures F16 --seconds-per-picture 120
    [ -z "$watcher" ] || kill "$watcher"
    watcher=
    some && pictures=F16,Lena,Peppers || pictures=F16
    published "third" "$(some && echo 85 || echo 30)" alone --rows denoise --pictures "$pictures" --seconds-per-picture 20
    published "three-at-once" 90 table --rows denoise --pictures F16,Lena,Peppers --seconds-per-picture 60 --at-once 3
fi

if wanted 4 && [ -n "$data" ]; then
    published "table" "$LIMIT" table --rows "$ROWS" --seconds-per-picture "$SECONDS_PER_PICTURE" --at-once "$AT_ONCE"
fi
