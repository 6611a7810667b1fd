# shellcheck shell=bash
# Steps beside each other, for scripts that source it: stage TITLE; lane NAME COMMAND...; finish waits for the lanes of the
# stage, prints what each said when it ends, and ends the script when one fails; times prints how long each took.
lane_logs=$(mktemp -d)
declare -A lane_name lane_began
lane_times="" stage_began=$SECONDS script_began=$SECONDS

end_lanes() {
  local pid
  for pid in "${!lane_name[@]}"; do
    kill -- "-$pid" 2>/dev/null || true
  done
  rm -rf "$lane_logs"
}
trap end_lanes EXIT

stage() {
  stage_began=$SECONDS
  printf '\n== %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"
}

# lane NAME COMMAND... starts a command in a process group of its own.
lane() {
  local name=$1
  shift
  TIMEFORMAT='processor: %U s, system: %S s' setsid bash -c 'time "$@"' lane "$@" >"$lane_logs/$name" 2>&1 </dev/null &
  lane_name[$!]=$name
  lane_began[$!]=$SECONDS
}

finish() {
  local pid status took
  while [ "${#lane_name[@]}" -gt 0 ]; do
    status=0
    wait -n -p pid "${!lane_name[@]}" || status=$?
    took=$(printf '%2d:%02d' $(((SECONDS - lane_began[$pid]) / 60)) $(((SECONDS - lane_began[$pid]) % 60)))
    printf '\n-- %s, %s\n' "${lane_name[$pid]}" "$took"
    cat "$lane_logs/${lane_name[$pid]}"
    lane_times+="$took  ${lane_name[$pid]}"$'\n'
    [ "$status" -eq 0 ] || failed "${lane_name[$pid]}" "$status"
    unset "lane_name[$pid]"
  done
}

# failed ends the script: what runs beside it is ended, its output so far is of no use.
failed() {
  printf '\nFAILED: %s ended with %d after %d:%02d\n' "$1" "$2" $(((SECONDS - script_began) / 60)) $(((SECONDS - script_began) % 60))
  exit 1
}

times() {
  printf '\n== times\n%s%2d:%02d  all\n' "$lane_times" $(((SECONDS - script_began) / 60)) $(((SECONDS - script_began) % 60))
}
