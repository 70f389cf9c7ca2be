# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests with real container runtimes share. A test file sources this, defines main and other functions, and
# ends with `run_tests "$@"`. What has to happen on a simulated GPU host is a function of the file, called with on_host.
#
# A test file prints one line for each assertion, "ok - NAME" or "not ok - NAME" with what was expected and found, and
# ends with 0, with 1 when an assertion failed, or with 77 and a line "skipped: REASON" when this machine cannot run it.

# Sorted lists and messages are compared.
export LC_ALL=C

runtime_dir=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
tests_dir=$(dirname "$runtime_dir")
gpu_hook=$(readlink -f "${GPU_HOOK:-$tests_dir/../build/gpu-hook}" || true)
readonly runtime_dir tests_dir gpu_hook
readonly simhost=$tests_dir/simhost support=$tests_dir/support
# What simhost takes when it is not told otherwise, and where the driver's libraries go in images of Debian's layout.
export driver=550.54.15 multiarch=usr/lib/x86_64-linux-gnu
readonly driver multiarch model="NVIDIA H100 80GB HBM3"

work=                # directory for everything a test file makes, removed at its end
status=0 out='' err=''  # of the last container or command
pid=                 # of the last container made by hand

# --- the frame of a test file ----------------------------------------------------------------------------------------

run_tests() {
  if [[ ${1-} == --inside ]]; then
    work=$2
    shift 2
    trap end_jobs EXIT
    "$@"
    return
  fi
  case ${1-} in
    --help | -h)
      echo "usage: GPU_HOOK=PROGRAM ${0##*/}"
      sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
  esac
  check_machine
  work=$(mktemp -d "${TMPDIR:-/tmp}/gpu-hook-test.XXXXXX")
  chmod 755 "$work"  # containers in user namespaces have to get to their root file system
  trap clean_up EXIT
  main "$@"
  conclude
}

end_jobs() {
  local -a pids
  mapfile -t pids < <(jobs -p)
  ((${#pids[@]} > 0)) || return 0
  kill -KILL "${pids[@]}" 2> /dev/null || true
  wait "${pids[@]}" 2> /dev/null || true  # the shell would report the signals
}

clean_up() {
  trap - EXIT
  if declare -F clean_up_more > /dev/null; then clean_up_more; fi
  rm -rf "$work"
}

conclude() {
  local passed failed
  passed=$(grep -c '^ok' "$work/results" || true)
  failed=$(grep -c '^not ok' "$work/results" || true)
  echo "# $passed passed, $failed failed"
  if ((failed > 0)); then exit 1; fi
  if ((passed == 0)); then skip "nothing in this file can run here"; fi
}

skip() {  # REASON
  echo "skipped: $1"
  exit 77
}

check_machine() {
  ((EUID == 0)) || skip "needs root"
  unshare --mount true 2> /dev/null || skip "needs mount namespaces"
  [[ ! -e /proc/driver/nvidia/version ]] || skip "this machine has a driver; simhost cannot simulate over it"
  [[ -x $gpu_hook ]] || skip "no gpu-hook at '${GPU_HOOK:-build/gpu-hook}'; build it or set GPU_HOOK"
  need jq cc
}

need() {  # PROGRAM...
  local program
  for program in "$@"; do
    type -P "$program" > /dev/null || skip "needs the program $program"
  done
}

# --- assertions ------------------------------------------------------------------------------------------------------

pass() {  # NAME
  echo "ok - $1"
  echo "ok" >> "$work/results"
}

flunk() {  # NAME [TEXT...]
  local name=$1 text
  shift
  {
    echo "not ok - $name"
    for text in "$@"; do printf '%s\n' "${text//$'\n'/$'\n'    }" | sed 's/^/#   /'; done
  } | tee -a "$work/results"
}

equal() {  # NAME EXPECTED ACTUAL
  if [[ $2 == "$3" ]]; then
    pass "$1"
  elif [[ ${#2} -gt 400 || ${#3} -gt 400 ]]; then
    flunk "$1" "difference (< expected, > got):" "$(diff <(echo "$2") <(echo "$3") | head -n 40 || true)"
  else
    flunk "$1" "expected: $2" "got:      $3"
  fi
}

contains() {  # NAME PART ACTUAL
  if [[ $3 == *"$2"* ]]; then pass "$1"; else flunk "$1" "expected in it: $2" "got:            $3"; fi
}

lacks() {  # NAME PART ACTUAL
  if [[ $3 != *"$2"* ]]; then pass "$1"; else flunk "$1" "expected not in it: $2" "got:                $3"; fi
}

matches() {  # NAME REGULAR-EXPRESSION ACTUAL
  if [[ $3 =~ $2 ]]; then pass "$1"; else flunk "$1" "expected to match: $2" "got:               $3"; fi
}

holds() {  # NAME COMMAND...: the command succeeds
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then pass "$name"; else flunk "$name" "command: $*" "output:  $output"; fi
}

# One line for people: what every refusal of gpu-hook has to be.
is_refusal() {  # NAME STATUS STDOUT STDERR PART...
  local name=$1 status=$2 out=$3 err=$4 part problem=
  shift 4
  ((status != 0)) || problem="exit status 0"
  [[ -z $out ]] || problem+="; something on standard output"
  [[ $err == 'gpu-hook: '* ]] || problem+="; does not begin with 'gpu-hook: '"
  [[ $err != *$'\n'* ]] || problem+="; more than one line"
  for part in "$@"; do
    [[ $err == *"$part"* ]] || problem+="; does not name '$part'"
  done
  if [[ -z $problem ]]; then
    pass "$name"
  else
    flunk "$name" "wrong: ${problem#; }" "exit status: $status" "standard output: $out" "standard error:  $err"
  fi
}

# --- hosts and combinations ------------------------------------------------------------------------------------------

# Runs a function of the test file on a simulated host. The function runs in a process of its own: variables that it
# sets are lost, assertions count.
on_host() {  # [SIMHOST-OPTION]... -- FUNCTION [ARGUMENT]...
  local -a options=()
  local status=0
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  ${host_prefix[@]+"${host_prefix[@]}"} "$simhost" ${options[@]+"${options[@]}"} -- bash "$0" --inside "$work" "$@" ||
    status=$?
  ((status == 0)) || flunk "$* on a host with '${options[*]-}' runs to its end" "exit status $status"
}

# A command before on_host's, to give the simulated host more namespaces of its own.
host_prefix=()

have_combination() {  # RUNTIME CGROUP
  type -P "$1" > /dev/null || return 1
  [[ $2 != v1 || -d /sys/fs/cgroup/devices ]] || return 1
  [[ $2 != v2 ]] || grep -q cgroup2 /proc/filesystems
}

# Calls a function on one simulated host for each runtime and cgroup version, with "RUNTIME CGROUP" before its
# arguments. crun on cgroup v2 is not among them: crun 1.8 cannot load a device program without CAP_SYS_RESOURCE.
in_each_combination() {  # [SIMHOST-OPTION]... -- FUNCTION [ARGUMENT]...
  local -a options=()
  local combination runtime cgroup
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  for combination in ${COMBINATIONS:-runc/v1 runc/v2 crun/v1}; do
    runtime=${combination%/*} cgroup=${combination#*/}
    if ! have_combination "$runtime" "$cgroup"; then
      echo "# not here: $runtime with cgroup $cgroup"
      continue
    fi
    on_host --cgroup "$cgroup" ${options[@]+"${options[@]}"} -- "$1" "$runtime" "$cgroup" "${@:2}"
  done
}

gpu_uuid() { printf 'GPU-00000000-0000-4000-8000-%012x' "$1"; }
gpu_address() { printf '0000:%02x:00.0' "$(($1 + 1))"; }

# What nvidia-smi -L prints where these GPUs are visible.
smi_list() {  # INDEX-ON-THE-HOST...
  local index position=0
  for index in "$@"; do
    echo "GPU $position: $model (UUID: $(gpu_uuid "$index"))"
    ((++position))
  done
}

# --- containers ------------------------------------------------------------------------------------------------------

# A root file system of a kind, made once for each test file; containers change it.
rootfs() {  # KIND [NAME]
  local directory=$work/rootfs-${2:-$1}
  [[ -d $directory ]] || "$support/make-rootfs" "$1" "$directory" >&2
  echo "$directory"
}

# A bundle with gpu-hook in it, behind the hook that makes /proc/driver of a simulated host.
bundle() {  # ARGUMENT-OF-support/bundle...
  "$support/bundle" --simulated "$@"
  local argument
  for argument in "$@"; do [[ ! -e $argument/config.json ]] || break; done
  "$gpu_hook" register --bundle "$argument" > /dev/null
}

edit() {  # BUNDLE JQ-ARGUMENT...: changes its config.json
  local directory=$1
  shift
  jq "$@" < "$directory/config.json" > "$directory/config.json.new"
  mv "$directory/config.json.new" "$directory/config.json"
}

# The NVIDIA_* variables of a bundle, all of them.
set_env() {  # BUNDLE [KEY=VALUE]...
  # shellcheck disable=SC2016
  edit "$1" '.process.env |= map(select(startswith("NVIDIA_") | not)) + $ARGS.positional' --args -- "${@:2}"
}

set_args() {  # BUNDLE ARGUMENT...
  # shellcheck disable=SC2016
  edit "$1" '.process.args = $ARGS.positional' --args -- "${@:2}"
}

# Runs a container to its end. Sets `status`, `out` and `err`.
container() {  # RUNTIME BUNDLE
  local id=gpu-hook-$BASHPID-$RANDOM
  status=0
  # A runtime that waits for a stuck hook shall not wait for ever.
  timeout 60 "$1" run --bundle "$2" "$id" < /dev/null > "$2/stdout" 2> "$2/stderr" || status=$?
  out=$(< "$2/stdout") err=$(< "$2/stderr")
}

# A container without a runtime: a process in a mount namespace of its own, with the root file system bound onto itself
# and /dev and /proc in it, as it is when prestart hooks run. Sets `pid`; it ends with the function of on_host.
hand_made_container() {  # ROOTFS
  local ready=$work/ready.$BASHPID.$RANDOM
  mkfifo "$ready"
  # shellcheck disable=SC2016
  unshare --mount --propagation private sh -euc '
    mount -n --bind "$1" "$1"
    mount -n -t tmpfs -o mode=755,nosuid dev "$1/dev"
    mount -n -t proc proc "$1/proc"
    mount -n -t tmpfs -o mode=555 tmpfs "$1/proc/driver"
    mkdir "$1/proc/driver/nvidia"
    echo ready > "$2"
    exec sleep 300' sh "$1" "$ready" > /dev/null &
  # shellcheck disable=SC2034
  pid=$!
  timeout 10 cat "$ready" > /dev/null || flunk "a container made by hand from $1 is ready in time"
  rm "$ready"
}

end_container() {
  kill -KILL "$pid"
  wait "$pid" 2> /dev/null || true  # the shell would report the signal
}

# gpu-hook's own line out of a runtime's or daemon's message.
hook_line() {  # TEXT
  grep -o 'gpu-hook: .*' <<< "$1" | head -n 1 | sed -e 's/\\n.*//' -e 's/\\"/"/g' || true
}

# --- what must not change --------------------------------------------------------------------------------------------

# Every name below a directory with what could change about it.
tree_of() {  # DIRECTORY
  find "$1" -xdev -printf '%P %y %m %U:%G %s %T@ %l\n' | sort
}

# The same without times and sizes of directories, which making and removing a file changes.
names_of() {  # DIRECTORY
  find "$1" -xdev \( -type d -printf '%P %y %m %U:%G\n' -o -printf '%P %y %m %U:%G %s %T@ %l\n' \) | sort
}

mounts_of() {  # PID
  # Without the optional fields' numbers of peer groups, which tell nothing about a mount.
  cut -d' ' -f3- "/proc/$1/mountinfo"
}
