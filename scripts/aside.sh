#!/bin/sh
# Runs a command beside others: what it says goes to a file, and onto the screen when it is through.
# Usage: scripts/aside.sh NAME COMMAND…; all of it is shown when it failed, else the end.
set -u
name=$1
shift
mkdir -p .build/aside
log=.build/aside/$name.log
began=$(date +%s)
"$@" >"$log" 2>&1
status=$?
echo "---- $name: $*"
if [ "$status" -eq 0 ]; then tail -n 12 "$log"; else cat "$log"; fi
echo "---- $name: exit status $status after $(($(date +%s) - began)) s; all it said is in $log"
exit "$status"
