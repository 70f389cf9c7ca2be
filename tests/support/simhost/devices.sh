# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Device nodes of a simulated GPU host, and what /proc and /sys say about them. simhost sources this; the variables are
# its options.
# shellcheck disable=SC2154 # variables of simhost

# Device majors. On a real host the kernel gives them out; here they are the same in every run. Nothing that the kernel
# knows has them, so that opening a node gives ENXIO.
readonly fs_major=505 gdrcopy_major=506 imex_major=507 nvswitch_major=508 nvlink_major=509 caps_major=511 drm_major=226
readonly infiniband_major=231

# Users of a desktop reach these nodes through groups; Debian has the first number since ever and gives out the second.
readonly video_group=44 render_group=109

# --- nodes: lines for make-nodes ------------------------------------------------------------------

driver_nodes() {
  local minor cap
  for minor in $minors; do echo "nvidia$minor 666 195 $minor 0"; done
  lines "nvidiactl 666 195 255 0" "nvidia-modeset 666 195 254 0" \
    "nvidia-uvm 666 $uvm_major 0 0" "nvidia-uvm-tools 666 $uvm_major 1 0" \
    "nvidia-caps/nvidia-cap1 400 $caps_major 1 0" "nvidia-caps/nvidia-cap2 444 $caps_major 2 0"
  for cap in ${mig_caps[@]+"${mig_caps[@]}"}; do
    echo "nvidia-caps/nvidia-cap$cap 444 $caps_major $cap 0"
  done
}

lines() { printf '%s\n' "$@"; }

drm_nodes() {
  local index
  for ((index = 0; index < gpus; ++index)); do
    echo "dri/card$((index + 1)) 660 $drm_major $((index + 1)) $video_group"
    echo "dri/renderD$((index + 128)) 660 $drm_major $((index + 128)) $render_group"
  done
}

imex_nodes() {
  local channel
  for ((channel = 0; channel < imex; ++channel)); do
    echo "nvidia-caps-imex-channels/channel$channel 666 $imex_major $channel 0"
  done
}

extra_nodes() {
  local index
  for index in 0 1 2 3; do echo "nvidia-fs$index 666 $fs_major $index 0"; done
  lines "gdrdrv 666 $gdrcopy_major 0 0" \
    "infiniband/uverbs0 666 $infiniband_major 192 0" "infiniband/uverbs1 666 $infiniband_major 193 0" \
    "infiniband/rdma_cm 666 10 $rdma_cm_minor 0" \
    "nvidia-nvswitchctl 666 $nvswitch_major 255 0" "nvidia-nvswitch0 666 $nvswitch_major 0 0"
}

all_nodes() {
  driver_nodes
  [[ $drm == no ]] || drm_nodes
  imex_nodes
  [[ $extras == no ]] || extra_nodes
}

# A tmpfs of its own, since devtmpfs is one for the whole machine.
own_dev() {
  local dev=$private/dev
  mkdir "$dev"
  mount_quietly -t tmpfs -o mode=755,nosuid dev "$dev"
  cp -a --one-file-system /dev/. "$dev"
  # The machine's own of these would stand beside the simulated ones under the same names.
  [[ $drm == no ]] || rm -rf "$dev/dri"
  [[ $extras == no ]] || rm -rf "$dev/infiniband"
  carry_mounts /dev "$dev"
  # All in one process: one for each node would be much of the set-up's time.
  all_nodes | "$base/bin/make-nodes" "$dev"
  [[ $drm == no ]] || drm_links "$dev/dri/by-path"
  mount_quietly --rbind "$dev" /dev
}

drm_links() {  # DIRECTORY
  local index
  mkdir -p "$1"
  for ((index = 0; index < gpus; ++index)); do
    ln -s "../card$((index + 1))" "$1/pci-$(gpu_address "$index")-card"
    ln -s "../renderD$((index + 128))" "$1/pci-$(gpu_address "$index")-render"
  done
}

drm_in_sys() {  # PCI-DEVICE-DIRECTORY INDEX
  local name
  for name in "card$(($2 + 1))" "renderD$(($2 + 128))"; do
    mkdir -p "$1/drm/$name"
    ln -s ../.. "$1/drm/$name/device"
  done
  echo "$drm_major:$(($2 + 1))" > "$1/drm/card$(($2 + 1))/dev"
  echo "$drm_major:$(($2 + 128))" > "$1/drm/renderD$(($2 + 128))/dev"
}

# --- /proc ----------------------------------------------------------------------------------------

character_devices() {
  lines "195 nvidia" "195 nvidia-modeset" "195 nvidiactl" \
    "$imex_major nvidia-caps-imex-channels" "$nvswitch_major nvidia-nvswitch" "$nvlink_major nvidia-nvlink" \
    "$uvm_major nvidia-uvm" "$caps_major nvidia-caps"
  [[ $drm == no ]] || echo "$drm_major drm"
  [[ $extras == no ]] || lines "$infiniband_major infiniband_verbs" "$fs_major nvidia-fs" \
    "$gdrcopy_major gdrdrv"
}

# Devices of the machine that the options simulate, as an expression for grep.
replaced_devices() {
  local expression=nvidia
  [[ $drm == no ]] || expression+="|^ *[0-9]+ drm$"
  [[ $extras == no ]] || expression+="|^ *[0-9]+ (infiniband_verbs|gdrdrv)$"
  echo "$expression"
}

changed_devices() {
  echo "Character devices:"
  { sed -n '2,/^$/p' /proc/devices | grep -E -v -e '^$' -e "$1"; character_devices; } |
    sort -n -s -k1,1 | awk '{ printf "%3d %s\n", $1, $2 }'
  echo
  sed -n '/^Block devices:/,$p' /proc/devices
}

# Which minor a misc device has is the kernel's choice. The one of a real host, or the next below it that no device of
# this machine has.
choose_rdma_cm_minor() {
  local minor
  local -A taken=()
  while read -r minor _; do taken[$minor]=yes; done < /proc/misc
  rdma_cm_minor=102
  while [[ -n ${taken[$rdma_cm_minor]-} ]]; do ((--rdma_cm_minor)); done
}

changed_misc() {
  printf '%3d rdma_cm\n' "$rdma_cm_minor"
  grep -v rdma_cm /proc/misc || true  # a machine without any
}

# --- files beside the extra devices ---------------------------------------------------------------

extra_run_files() {  # RUN
  mkdir -p "$1/udev/data"
  echo E:ID_MODEL=simulated > "$1/udev/data/b259:0"
}

extra_etc_files() {
  printf '%s\n' '{' '  "logging": { "level": "ERROR" },' '  "properties": { "allow_compat_mode": true }' '}' \
    > /etc/cufile.json
}
