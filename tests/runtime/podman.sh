# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Podman of a simulated host, with storage and configuration of its own.
# shellcheck disable=SC2154 # variables of lib.sh and engines.sh

readonly hooks_dir=/etc/containers/oci/hooks.d

configure_podman() {  # RUNTIME [RUNTIME-NAME=PATH]
  own_state
  podman_options+=(--cgroup-parent "/${work##*/}")
  mkdir -p "$hooks_dir" /etc/containers
  printf '%s\n' '[containers]' 'pids_limit = 0' '[engine]' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' \
    "hooks_dir = [\"$hooks_dir\"]" "runtime = \"$1\"" > /etc/containers/containers.conf
  [[ $# == 1 ]] || printf '%s\n' '[engine.runtimes]' "${2%%=*} = [\"${2#*=}\"]" >> /etc/containers/containers.conf
  printf '%s\n' '[storage]' 'driver = "overlay"' "graphroot = \"$work/storage-$title_word\"" \
    'runroot = "/run/containers/storage"' > /etc/containers/storage.conf
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' > /etc/containers/policy.json
}

# In hooks.d as `NAME.json`; hooks of one stage run in the order of their files.
podman_hook() {  # NAME STAGE PATH [ARGUMENT]...
  jq -n --arg stage "$2" --arg path "$3" --arg search "PATH=$engine_path" '{version: "1.0.0",
    hook: {$path, args: ($ARGS.positional | if . == [] then [$path] else . end), env: [$search]},
    when: {always: true}, stages: [$stage]}' --args -- "${@:4}" > "$hooks_dir/$1.json"
}

# A simulated host's containers need it, whatever else they get.
proc_hook() { podman_hook 0-proc-driver prestart "$support/proc-driver-hook"; }

gpu_hook_in_hooks_d() { podman_hook 1-gpu-hook createRuntime "$gpu_hook" gpu-hook createRuntime; }

import_image() {
  tar -C "$(rootfs debian)" -c . | podman import --quiet - test-image > /dev/null
}

podman() { timeout 60 podman "$@"; }

# Sets `status`, `out` and `err`.
run_podman() {  # ARGUMENT...
  status=0
  podman "$@" > "$work/stdout" 2> "$work/stderr" < /dev/null || status=$?
  out=$(< "$work/stdout") err=$(< "$work/stderr")
}

# With MKNOD, which Podman leaves out: a container without a way to make nodes would not ask the device filter.
podman_options=(--network none --cap-add MKNOD)

podman_run() {  # [--runtime RUNTIME] OPTION...: image and command are the last of them
  local -a runtime=()
  if [[ $1 == --runtime ]]; then
    runtime=("$1" "$2")
    shift 2
  fi
  run_podman "${runtime[@]}" run --rm "${podman_options[@]}" "$@"
}

# What a long-lived container has, right away and after starting again.
long_life() {  # NAME EXPECTED OPTION...
  local name=$1 expected=$2
  local -a runtime=()
  shift 2
  if [[ $1 == --runtime ]]; then
    runtime=("$1" "$2")
    shift 2
  fi
  run_podman "${runtime[@]}" run -d --name running "${podman_options[@]}" "$@" test-image sleep 1000
  equal "$title: $name: a container in the background" "$expected" "$(podman exec running sh -c "$look" 2>&1)"
  podman restart -t 0 running > /dev/null || true
  equal "$title: $name: the same after podman restart" "$expected" "$(podman exec running sh -c "$look" 2>&1)"
  podman stop -t 0 running > /dev/null || true
  podman start running > /dev/null || true
  equal "$title: $name: the same after podman stop and start" "$expected" "$(podman exec running sh -c "$look" 2>&1)"
  podman rm -f -t 0 running > /dev/null
}

# --- what every way of asking has to do -----------------------------------------------------------------------------

# No GPU where none is asked for, and nothing of the driver.
asks_nothing() {  # NAME OPTION...
  podman_run "${@:2}" test-image sh -c 'node-probe mknod /tmp/0 195 0 2> /dev/null; ls -d /dev/nvidia* /usr/bin/nvidia* 2> /dev/null'
  equal "$title: $1: nothing is asked for" "$by_hand/tmp/0 EPERM" "$out$err"
}

no_gpu() {  # WAY
  "$1" none sh -c "$look"
  equal "$title: $1 none: driver files without a GPU" "$(seen "")" "$(grep -v ^devices <<< "$out$err")"
}

# The ways a container is shut in.
other_options() {  # NAME OPTION...
  local name=$1
  shift
  podman_run "$@" --read-only --tmpfs /tmp:dev -e NVIDIA_VISIBLE_DEVICES=1 test-image sh -c "$look"
  equal "$title: $name: read-only root file system" "$(seen 1)" "$out$err"
  podman_run "$@" --user 1000:1000 -e NVIDIA_VISIBLE_DEVICES=1 test-image sh -c 'nvidia-smi -L; cuda-probe | grep ^devices'
  equal "$title: $name: another user" "$(smi_list 1)"$'\ndevices: 1' "$out$err"
  podman_run "$@" --uidmap 0:200000:65536 -e NVIDIA_VISIBLE_DEVICES=1 test-image sh -c '
    nvidia-smi -L; node-probe /dev/nvidia1; cuda-probe | grep ^devices'
  equal "$title: $name: a user namespace" "$(smi_list 1)"$'\n/dev/nvidia1 ENXIO\ndevices: 1' "$out$err"
}

refused() {  # WAY VALUE PART...
  "$1" "$2" true
  equal "$title: $1 $2: the container does not start" "126 " "$status $out"
  if [[ $1 == hooks_d && $title == *"crun, "* ]]; then
    # It throws away what hooks say.
    contains "$title: $1 $2: podman names the hook" "$gpu_hook" "$err"
    return
  fi
  is_refusal "$title: $1 $2: podman shows the reason" "$status" "$out" "$(hook_line "$err")" "${@:3}"
  equal "$title: $1 $2: the reason is one line of the message" 1 "$(grep -c 'gpu-hook: ' <<< "$err")"
}

refusals() {  # WAY
  refused "$1" 9 '"9": unknown device, the host has 8 GPUs'
  refused "$1" 0:5 '"0:5"' '2 MIG devices'
  refused "$1" "$(gpu_uuid 9)" "$(gpu_uuid 9)"
  equal "$title: $1: refused containers are gone" "" "$(podman ps -aq)"
}

# --- as a plain user --------------------------------------------------------------------------------------------------

readonly user=alice uid=12345

# After this, podman is the user's. No cgroup of its own, and nobody can make nodes.
as_plain_user() {
  home=$work/home-$title_word
  mount --make-rshared /  # Podman warns otherwise
  groupadd --gid "$uid" "$user"
  useradd --uid "$uid" --gid "$uid" --home-dir "$home" --no-create-home "$user"
  echo "$user:200000:65536" | tee /etc/subuid > /etc/subgid
  mkdir -p "$home/.config/containers" "/run/user-$uid"
  printf '%s\n' '[storage]' 'driver = "overlay"' > "$home/.config/containers/storage.conf"
  chown -R "$uid:$uid" "$home" "/run/user-$uid"
  chmod 700 "/run/user-$uid"
  podman_options=(--network none --cap-add MKNOD)
  by_hand="mknod "
  # With what a log-in would have set.
  podman() {
    timeout 60 setpriv --reuid "$uid" --regid "$uid" --init-groups env -i -C / HOME="$home" USER="$user" LANG=C.UTF-8 \
      XDG_RUNTIME_DIR=/run/user-$uid PATH="/usr/local/bin:$engine_path" podman "$@"
  }
}

# The image's owners are the user's ids, and what was made for the GPU belongs to the container's root.
owners() {  # WAY
  "$1" 1 sh -c 'stat -c "%u:%g" /etc/ld.so.cache; stat -L -c "%u:%g" /usr/bin/nvidia-smi; id -u'
  contains "$title: $1: the loader cache belongs to the container's root" "0:0" "${out%%$'\n'*}"
}
