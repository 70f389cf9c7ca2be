# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The requests of the corpus, by name; tests/golden/run sources this. A name tells what is asked for, so that a list of
# files reads like a list of cases.

# What `request` sets: the image, the container's variables, whether it has CAP_SYS_ADMIN, the destinations of device
# mounts below /var/run/nvidia-container-devices, lines of the configuration, options of gpu-hook.
image='' privileged='' config=''
variables=() device_mounts=() options=()

ask() {  # DEVICES [KEY=VALUE]...
  variables=("NVIDIA_VISIBLE_DEVICES=$1" "${@:2}")
}

request() {  # NAME
  image=debian privileged=no config=''
  variables=() device_mounts=() options=()
  local family
  for family in devices capabilities rights requirements images policies; do
    if "request_of_$family" "$1"; then return; fi
  done
  echo "no request is called '$1'" >&2
  return 1
}

# Index and instance are the host's: mig-uuid-GPU-INSTANCE.
mig_uuid() {  # GPU GPU-INSTANCE
  printf 'MIG-%08x-0000-4000-9000-%012x' "$2" "$1"
}

request_of_devices() {
  local name=$1 numbers
  case $name in
    all | none | void) ask "$name" ;;
    unset) ;;  # no variable at all: not a GPU container
    empty) ask '' ;;
    gpu-* | gpus-*) numbers=${name#gpu*-} && ask "${numbers//-/,}" ;;
    uuid-*) ask "$(gpu_uuid "${name#uuid-}")" ;;
    pci-*) ask "$(gpu_address "${name#pci-}")" ;;
    mig-uuid-*)
      numbers=${name#mig-uuid-}
      ask "$(mig_uuid "${numbers%-*}" "${numbers#*-}")"
      ;;
    mig-path) ask "MIG-$(gpu_uuid 0)/1/0" ;;  # as drivers before 470 name them
    mig-[0-9]*) numbers=${name#mig-} && ask "${numbers/-/:}" ;;
    unknown-name) ask no-such-device ;;
    unknown-uuid) ask GPU-11111111-1111-4111-8111-111111111111 ;;
    *) return 1 ;;
  esac
}

request_of_capabilities() {
  local -r all=NVIDIA_DRIVER_CAPABILITIES
  case $1 in
    capabilities-all) ask all "$all=all" ;;
    utility) ask all "$all=utility" ;;
    compute) ask all "$all=compute" ;;
    video) ask all "$all=video" ;;
    graphics) ask all "$all=graphics" ;;
    graphics-1) ask 1 "$all=graphics" ;;
    display) ask all "$all=display" ;;
    ngx) ask all "$all=ngx" ;;
    compat32) ask all "$all=compute,utility,compat32" ;;
    capability-unknown) ask all "$all=compute,teleport" ;;
    *) return 1 ;;
  esac
}

# Requests that only a container with CAP_SYS_ADMIN may make, and the same without it.
request_of_rights() {
  case $1 in
    *-unprivileged) ;;
    *) privileged=yes ;;
  esac
  case ${1%-unprivileged} in
    mig-config) ask all NVIDIA_MIG_CONFIG_DEVICES=all ;;
    mig-monitor) ask all NVIDIA_MIG_MONITOR_DEVICES=all ;;
    mig-config-of-device) ask 0:0 NVIDIA_MIG_CONFIG_DEVICES=all ;;
    mig-config-of-gpu) ask 1 NVIDIA_MIG_CONFIG_DEVICES=all NVIDIA_MIG_MONITOR_DEVICES=all ;;
    mig-config-0) ask all NVIDIA_MIG_CONFIG_DEVICES=0 ;;
    imex) ask all NVIDIA_IMEX_CHANNELS=0,3 ;;
    imex-all) ask all NVIDIA_IMEX_CHANNELS=all ;;
    imex-unknown) ask all NVIDIA_IMEX_CHANNELS=9 ;;
    gds) ask all NVIDIA_GDS=enabled ;;
    mofed) ask all NVIDIA_MOFED=enabled ;;
    gdrcopy) ask all NVIDIA_GDRCOPY=enabled ;;
    nvswitch) ask all NVIDIA_NVSWITCH=enabled ;;
    features) ask all NVIDIA_{GDS,MOFED,GDRCOPY,NVSWITCH}=enabled ;;
    *) privileged=no && return 1 ;;
  esac
}

request_of_requirements() {
  local -r cuda=NVIDIA_REQUIRE_CUDA
  case $1 in
    require-met) ask all "$cuda=cuda>=12.0 brand=tesla,driver>=470,driver<471" NVIDIA_REQUIRE_ARCH='arch>=8.0' ;;
    require-cuda-unmet) ask all "$cuda=cuda>=13.0" ;;
    require-driver-group) ask all "$cuda=cuda>=13.0 driver>=535,driver<600" ;;
    require-brand-unmet) ask all "$cuda=brand=geforce" ;;
    require-arch-unmet) ask all "$cuda=arch>=10.0" ;;
    require-malformed) ask all "$cuda=cuda>=12.x" ;;
    require-disabled) ask all "$cuda=cuda>=13.0" NVIDIA_DISABLE_REQUIRE=true ;;
    cuda-image-of-old) variables=(CUDA_VERSION=11.8.0) ;;
    cuda-image-too-new) variables=(CUDA_VERSION=13.1.0) ;;
    *) return 1 ;;
  esac
}

request_of_images() {
  case $1 in
    image-*) ask all && image=${1#image-} ;;
    compat-*) ask all && image=$1 ;;
    graphics-fedora) ask all NVIDIA_DRIVER_CAPABILITIES=graphics && image=fedora ;;
    compat32-*) ask all NVIDIA_DRIVER_CAPABILITIES=compute,utility,compat32 && image=${1#compat32-} ;;
    *) return 1 ;;
  esac
}

request_of_policies() {
  local -r mounts=$'[requests]\naccept-volume-mounts = true'
  case $1 in
    mounts) ask /var/run/nvidia-container-devices && config=$mounts device_mounts=("$(gpu_uuid 0)") ;;
    mounts-imex) ask void && config=$mounts device_mounts=(0 imex/1) ;;
    mounts-missing) ask /var/run/nvidia-container-devices && config=$mounts ;;
    mounts-not-accepted) ask /var/run/nvidia-container-devices && device_mounts=("$(gpu_uuid 0)") ;;
    variable-not-accepted) ask all && config=$'[requests]\naccept-env-when-unprivileged = false' ;;
    capability-disabled) ask all NVIDIA_DRIVER_CAPABILITIES=graphics &&
      config='supported-driver-capabilities = ["compute", "utility"]' ;;
    mps-shared) ask all && config='leave-out = []' ;;
    leave-out) ask all && options=(--leave-out persistenced,gsp-firmware) ;;
    device-nodes-by-others) ask all && options=(--leave-out device-nodes --no-cgroups) ;;
    *) return 1 ;;
  esac
}
