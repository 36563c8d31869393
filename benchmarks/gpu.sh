#!/usr/bin/env bash
# What has to hold on a GPU, as JSON, in calls of less than ten minutes.
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
#   3  F16, noise of σ 25: one search of 60, 120 and 20 s                alone/published.json
#      how busy the GPU is during that of 120 s, every 0.2 s             utilisation.csv
#      three pictures at once, 60 s each, the first ones of part 4       table/published.json
#   4  as much of the published table as the time allows                  table/published.json
#
# summary.json has the exit codes (124: out of time), the seconds and the figures that matter, page.md the tables, and gpu.log
# what was said: eight files in all. The summary is written after every step, and when the script is asked to end. Other
# settings, by their environment variables: LIMIT (seconds for everything, 560), DEVICE, PYTHON, of part 1 TESTS_AT_ONCE, and of
# part 4 SECONDS_PER_PICTURE, AT_ONCE and ROWS (denoise,sr4,sr8,inpaint). Left alone, PARTS are all, as far as LIMIT reaches.
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
LIMIT=${LIMIT:-560} # ten minutes, less what starting and the way of the files take
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
    "$PYTHON" - "$out" "$scratch" "$SECONDS" "$SECONDS_PER_PICTURE" <<'PYTHON'
import json
import re
import sys
from pathlib import Path
from statistics import fmean

out, scratch, budget = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[4])
steps = (scratch / "steps").read_text().splitlines()


def rows(file):
    return json.loads(file.read_text())["rows"] if file.is_file() else []


def level(folder, picture, budget, at_once=1):
    wanted = picture, budget, at_once, "dipsearch"
    found = [
        row["psnr"]
        for row in rows(out / folder / "published.json")
        if (row["picture"], row["budget"], row["at_once"], row["method"]) == wanted
    ]
    return found[0] if found else None


target = out / "summary.json"
before = json.loads(target.read_text()) if target.is_file() else {}
summary = {
    "seconds": int(sys.argv[3]),
    "steps": before.get("steps", {})
    | {name: {"code": int(code) if code.isdigit() else code, "seconds": int(took)} for name, code, took in map(str.split, steps)},
    "psnr": {
        "F16, 60 s": level("alone", "F16", 60),
        "F16, 120 s": level("alone", "F16", 120),
        "F16, 20 s": level("alone", "F16", 20),
        "three at once, 60 s": {name: level("table", name, 60, 3) for name in ("F16", "Lena", "Peppers")},
    },
}
# As pytest -v says it, with xdist and without: so what was tested counts also where it did not come to its end.
OUTCOMES = "PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS"
LINE = re.compile(rf"(?:\[gw\d+\] \[ *\d+%\] )?(?:(?P<first>{OUTCOMES}) (?P<one>tests/.+?)|(?P<other>tests/.+?) (?P<last>{OUTCOMES})\b.*)\s*")
if (scratch / "tests.log").is_file():
    said = {}
    for line in (scratch / "tests.log").read_text(errors="replace").splitlines():
        if line.startswith(("=", "FAILED", "ERROR", "SKIPPED")):  # what pytest repeats at its end
            continue
        if found := LINE.fullmatch(line):
            said[found["one"] or found["other"]] = found["first"] or found["last"]
    summary["tests"] = {word.lower(): sum(one == word for one in said.values()) for word in OUTCOMES.split("|")} | {
        "not_passed": sorted(name for name, word in said.items() if word in ("FAILED", "ERROR"))
    }
elif "tests" in before:
    summary["tests"] = before["tests"]
for file in out.glob("speed-*.json"):
    summary[file.stem] = {
        f"{row['network']} {row['size']} {row['engine']} {row['precision']}": [row["its_per_s"], row["ratio_to_textbook"]]
        for row in rows(file)
    }
for file in out.glob("side-by-side-*.json"):
    summary[file.stem] = {
        f"{row['network']} {row['size']} {row['at_once']} {row['way']}": [row["its_per_s"], row["gain"]] for row in rows(file)
    }
if (out / "utilisation.csv").is_file():
    samples = [line.split(",") for line in (out / "utilisation.csv").read_text().splitlines()]
    busy = [float(words[1]) for words in samples if len(words) == 3 and words[1].strip().isdigit()]
    summary["utilisation"] = {
        "samples": len(busy),
        "mean_percent": round(fmean(busy), 1) if busy else None,
        "busy_share": round(sum(value > 0 for value in busy) / len(busy), 3) if busy else None,
    }
table = [row for row in rows(out / "table" / "published.json") if row["psnr"] is not None and row["budget"] == budget]
summary["table"] = {
    f"{task} {name} {method}": {"pictures": len(found), "mean": round(fmean(found), 3)}
    for task, name in sorted({(row["task"], row["set"]) for row in table})
    for method in ("dipsearch", "networks", "first")
    if (
        found := [
            row["psnr"] if row["psnr_y"] is None else row["psnr_y"]
            for row in table
            if (row["task"], row["set"], row["method"]) == (task, name, method)
        ]
    )
}
target.write_text(json.dumps(summary, indent=1) + "\n")
PYTHON
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
    step tests 100 "$PYTHON" -m pytest -m gpu -v -n "$TESTS_AT_ONCE" --durations=10
fi

if wanted 2; then
    # A third of a second for each turn; the memory takes a process for every row, and is measured elsewhere.
    step speed 140 "$PYTHON" cli.py bench speed --device "$DEVICE" --sizes 128,256,512 --seconds 1 --no-memory \
        --out "$out" --page "$out/page.md"
    step "side-by-side" 50 "$PYTHON" cli.py bench side-by-side --device "$DEVICE" --sizes 128 --networks 32x4 \
        --at-once 3 --seconds 1 --out "$out" --page "$out/page.md"
fi

if wanted 3 && [ -n "$data" ]; then
    published "minute" 80 alone --rows denoise --pictures F16 --seconds-per-picture 60
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used --format=csv,noheader,nounits -lms 200 \
            >"$out/utilisation.csv" &
        watcher=$!
    fi
    published "two-minutes" 145 alone --rows denoise --pictures F16 --seconds-per-picture 120
    [ -z "$watcher" ] || kill "$watcher"
    watcher=
    published "third" 35 alone --rows denoise --pictures F16 --seconds-per-picture 20
    published "three-at-once" 95 table --rows denoise --pictures F16,Lena,Peppers --seconds-per-picture 60 --at-once 3
fi

if wanted 4 && [ -n "$data" ]; then
    published "table" "$LIMIT" table --rows "$ROWS" --seconds-per-picture "$SECONDS_PER_PICTURE" --at-once "$AT_ONCE"
fi
