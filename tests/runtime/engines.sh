# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests with container engines share, beyond lib.sh: one host, what a container shows there, the table of
# requests every way has to answer, and runtimes that make up for what a simulated host's /proc lacks.
# shellcheck disable=SC2034,SC2154 # variables for test files, and of lib.sh

# GPU 0 has two MIG devices: 0:0 is GPU instance 1, 0:1 is GPU instance 7.
readonly engine_host=(--gpus 8 --mig "0:1g.10gb,3g.40gb")
readonly mig_3g=MIG-00000001-0000-4000-9000-000000000000 mig_1g=MIG-00000007-0000-4000-9000-000000000000
readonly engine_path=/usr/sbin:/usr/bin:/sbin:/bin

# An engine's processes end with its pid namespace.
engine_namespaces=(unshare --pid --net --fork --kill-child --mount-proc)

# --- what a container shows ------------------------------------------------------------------------------------------

# Nodes that were not given are made by hand: the device filter answers EPERM where it is in force.
# shellcheck disable=SC2016
readonly look='
rm -f /tmp/by-hand*
nvidia-smi -L
for minor in 0 1 2 3 4 5 6 7; do
  if [ -e /dev/nvidia$minor ]; then node-probe /dev/nvidia$minor
  else node-probe mknod /tmp/by-hand$minor 195 $minor 2> /dev/null; fi
done
for cap in 12 13 66 67; do
  node=/dev/nvidia-caps/nvidia-cap$cap
  if [ -e $node ]; then node-probe --read $node
  else node-probe mknod /tmp/by-hand-cap$cap 511 $cap 2> /dev/null; fi
done
cuda-probe | grep ^devices'

has() { [[ " $1 " == *" $2 "* ]]; }  # LIST WORD

by_hand=  # before what it says of such nodes

# What it prints with these GPUs and GPU instances of GPU 0.
seen() {  # "GPU..." [GPU-INSTANCE...]
  local gpu instance cap position=0 slot=0
  local -A slice=([1]=3g.40gb [7]=1g.10gb)
  [[ -n $1 ]] || echo "No devices were found"
  for gpu in $1; do
    echo "GPU $position: $model (UUID: $(gpu_uuid "$gpu"))"
    ((++position))
    [[ $gpu == 0 ]] || continue
    for instance in "${@:2}"; do
      printf '  MIG %-11s Device %2u: (UUID: MIG-%08x-0000-4000-9000-%012x)\n' "${slice[$instance]}" "$slot" "$instance" 0
      ((++slot))
    done
  done
  for gpu in 0 1 2 3 4 5 6 7; do
    if has "$1" "$gpu"; then echo "/dev/nvidia$gpu ENXIO"; else echo "$by_hand/tmp/by-hand$gpu EPERM"; fi
  done
  for cap in 12 13 66 67; do
    if has "${*:2}" "$(((cap - 3) / 9))"; then
      echo "/dev/nvidia-caps/nvidia-cap$cap ENXIO"
    else
      echo "$by_hand/tmp/by-hand-cap$cap EPERM"
    fi
  done
  [[ -z $1 ]] || echo "devices: $position"
}

# --- the requests ----------------------------------------------------------------------------------------------------

# A way of asking is a function that starts a container for a value and sets `status`, `out` and `err`:
# WAY VALUE COMMAND...
gives() {  # WAY VALUE "GPU..." [GPU-INSTANCE...]
  "$1" "$2" sh -c "$look"
  equal "$title: $1 $2" "$(seen "${@:3}")" "$out$err"
}

# What every way has to give.
all_requests() {  # WAY
  gives "$1" all "0 1 2 3 4 5 6 7" 1 7
  few_requests "$1"
  gives "$1" "$(gpu_uuid 2)" 2
  gives "$1" "$mig_1g" 0 7
}

# The same in fewer starts, for combinations in which nothing else can happen.
few_requests() {  # WAY
  gives "$1" 1 1
  gives "$1" 3,5 "3 5"
  gives "$1" 0:0 0 1
}

# --- runtimes below the one under test -------------------------------------------------------------------------------

# A container's /proc of a simulated host has no driver/nvidia, and on a host with the module it has. A runtime that
# makes up for it before all other hooks; prints its path.
prepared_runtime() {  # RUNTIME
  local path=/usr/local/libexec/prepared/$1 more=
  # ctr always sets cpu shares; this machine's controllers may all be on version 1.
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]] && ! grep -qw cpu /sys/fs/cgroup/cgroup.controllers; then
    more='| del(.linux.resources.cpu)'
  fi
  mkdir -p "${path%/*}"
  cat > "$path.new" << TEXT
#!/bin/bash
previous='' bundle=. creates=no
for argument in "\$@"; do
  case \$previous in --bundle | -b) bundle=\$argument ;; esac
  case \$argument in
    --bundle=*) bundle=\${argument#*=} ;;
    create | run) creates=yes ;;
  esac
  previous=\$argument
done
config=\$bundle/config.json
if [[ \$creates == yes && -e \$config ]] && ! grep -q proc-driver-hook "\$config"; then
  jq -c '.hooks.prestart |= [{path: "$support/proc-driver-hook", env: ["PATH=$engine_path"]}] + . $more' \
    "\$config" > "\$config.prepared" && cat "\$config.prepared" > "\$config" && rm "\$config.prepared"
fi
exec $1 "\$@"
TEXT
  chmod 755 "$path.new"
  mv "$path.new" "$path"
  echo "$path"
}

# The runtime under test, in front of a prepared one.
install_shim() {  # RUNTIME [NAME]: prints its path
  local name=${2:-gpu-hook-runtime} low
  low=$(prepared_runtime "$1")
  mkdir -p /etc/gpu-hook
  printf '%s\n' '[runtime]' "runtimes = [\"$low\"]" > /etc/gpu-hook/gpu-hook.toml
  ln -sf "$gpu_hook" "/usr/local/bin/$name"
  echo "/usr/local/bin/$name"
}

# Sets the device rules of a container's config.json again, as `systemctl daemon-reload` does with a unit's: a second
# container joins the cgroup with these rules and no hook, and its runtime replaces what governs the cgroup.
reapply_rules() {  # RUNTIME CONFIG
  local bundle=$work/reapply-$BASHPID-$RANDOM init
  "$support/bundle" "$bundle" "$(rootfs busybox)" -- sleep 100
  # shellcheck disable=SC2016
  edit "$bundle" --slurpfile config "$2" '.linux.cgroupsPath = $config[0].linux.cgroupsPath
    | .linux.resources = $config[0].linux.resources | .linux.namespaces |= map(select(.type != "cgroup"))'
  if ! "$1" --root "$bundle/state" create --bundle "$bundle" --pid-file "$bundle/pid" "${bundle##*/}" < /dev/null > "$bundle/stdout" \
    2> "$bundle/stderr"; then
    flunk "$title: device rules can be set again" "$(< "$bundle/stderr")"
    return
  fi
  # Not by the runtime, which would take the cgroup along.
  init=$(< "$bundle/pid")
  kill -KILL "$init"
  while [[ -e /proc/$init/cgroup && -s /proc/$init/cmdline ]]; do sleep 0.05; done
}

# --- afterwards ------------------------------------------------------------------------------------------------------

# An engine's daemon or `podman run` writes into these, and they are the machine's.
own_state() {
  mount -n -t tmpfs -o mode=755 state /var/lib
  mount -n -t tmpfs -o mode=1777 shm /dev/shm
  ip link set lo up 2> /dev/null || true
}

remove_cgroups() {
  local directory
  # Twice: a killed engine's last processes take a moment.
  for _ in 1 2; do
    find /sys/fs/cgroup -depth -type d -path "*/${work##*/}*" 2> /dev/null |
      while read -r directory; do rmdir "$directory" 2> /dev/null || sleep 0.1; done
  done
}

clean_up_more() { remove_cgroups; }
