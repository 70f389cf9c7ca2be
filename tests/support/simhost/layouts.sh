# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Puts the driver's files where a simulated GPU host has them. simhost sources this.
# shellcheck disable=SC2154 # variables of simhost

# --- parts ----------------------------------------------------------------------------------------

# Names of the parts of build-driver with the driver's files, topmost layer first.
driver_parts() {
  local version names=${only//,/+}
  local -a parts=("programs-$layout-$driver")
  for version in ${libraries[@]+"${libraries[@]}"}; do
    parts=("tree-$layout-$version${names:+-$names}" "${parts[@]}")
    [[ $compat32 == no ]] || parts=("tree32-$layout-$version${names:+-$names}" "${parts[@]}")
  done
  printf '%s\n' "${parts[@]}"
}

# --- directories that the machine does not have ---------------------------------------------------

# Binds everything in a directory into another one, as it is.
mirror() {  # FROM TO
  local path target
  for path in "${1%/}"/* "${1%/}"/.[!.]*; do
    target=$2/${path##*/}
    if [[ -L $path ]]; then
      cp -a "$path" "$target"
    elif [[ -d $path ]]; then
      mkdir "$target"
      mount_quietly --rbind "$path" "$target"
    elif [[ -f $path ]]; then
      : > "$target"
      mount_quietly --bind "$path" "$target"
    fi
  done
}

# Makes a directory for this namespace alone. The parents that exist are the machine's, so a tmpfs with the same things
# in it goes over the last of them.
make_place() {  # DIRECTORY
  local parent=$1
  while [[ -n $parent && ! -d $parent ]]; do parent=${parent%/*}; done
  case $parent in
    "$1" | /run | /run/*) ;;  # /run is the namespace's own already
    '') own_root ;;
    *)
      own_copy "$parent"
      mount_quietly --rbind "$private/copy" "$parent"
      ;;
  esac
  mkdir -p "$1"
}

own_copy() {  # DIRECTORY
  mkdir "$private/copy"
  mount_quietly -t tmpfs -o mode=755 copy "$private/copy"
  mirror "$1" "$private/copy"
}

# The root directory cannot be mounted over, but exchanged.
own_root() {
  own_copy /
  mkdir "$private/copy/.old"
  pivot_root "$private/copy" "$private/copy/.old"
  umount -n -l /.old
  rmdir /.old
  # The copy that came along with /var.
  umount -n -R -l "$private/copy"
  cd "$PWD" || die "no $PWD in the new root"  # it is still the old one's
}

# --- layouts --------------------------------------------------------------------------------------

# The directory that has all of the driver, in the layouts with such a directory.
driver_place() {
  case $layout in
    gke) echo /home/kubernetes/bin/nvidia ;;
    nixos) echo /nix/store ;;
    container) echo /run/nvidia/driver ;;
  esac
}

own_driver_files() {
  local place
  local -a trees
  mapfile -t trees < <(driver_parts)
  trees=("${trees[@]/#/$base/}")
  place=$(driver_place)
  if [[ -z $place ]]; then
    overlay_over /usr "${trees[@]/%//usr}"
    overlay_over /etc "${trees[@]/%//etc}"
  else
    make_place "$place"
    overlay_over "$place" "${trees[@]/%//root}"
    overlay_over /usr
    overlay_over /etc
  fi
  case $layout in
    gke) [[ $ld_cache == yes ]] || rm -f /etc/ld.so.cache ;;
    nixos)
      rm -f /etc/ld.so.cache
      nixos_links
      ;;
    container) finish_container ;;
    *) update_ld_cache ;;
  esac
  [[ $extras == no ]] || extra_etc_files
}

update_ld_cache() {
  rm -f /etc/ld.so.cache
  # ldconfig's notes about libraries: a copy makes it fast, and its changes must not get out.
  if [[ -d /var/cache/ldconfig ]]; then
    mkdir "$private/ldconfig"
    cp -a /var/cache/ldconfig/. "$private/ldconfig"
    mount_quietly --bind "$private/ldconfig" /var/cache/ldconfig
  fi
  # Its warnings are about the machine's own libraries.
  [[ $ld_cache == no ]] || ldconfig 2> /dev/null
}

# The driver's own root has a cache of its own; the machine's knows nothing of the driver.
finish_container() {
  local root
  root=$(driver_place)
  if [[ $ld_cache == yes ]]; then
    ldconfig -r "$root" 2> /dev/null
  else
    rm -f /etc/ld.so.cache
  fi
  # For the simulated NVML when it is called in a chroot.
  mkdir -p "$root/run/simhost"
  cp /run/simhost/nvml "$root/run/simhost/nvml"
}

# Where a system of this distribution has links into the store.
nixos_links() {
  local program store
  store=$(nix_package "${libraries[0]-$driver}")
  ln -s "$store" /run/opengl-driver
  [[ $compat32 == no ]] || ln -s "$store-lib32" /run/opengl-driver-32
  mkdir -p /run/current-system/sw/bin
  for program in "$(nix_package "$driver")"/bin/*; do
    ln -s "$program" "/run/current-system/sw/bin/${program##*/}"
  done
}

nix_package() {  # VERSION; the package's libraries and programs
  local -a paths=("$base/programs-nixos-$1/root/"*"-nvidia-x11-$1" \
    "$base/tree-nixos-$1${only:+-${only//,/+}}/root/"*"-nvidia-x11-$1")
  local path
  for path in "${paths[@]}"; do
    [[ ! -d $path ]] || { echo "/nix/store/${path##*/}"; return; }
  done
  return 1
}

# What the kernel was told about the place of firmware; nothing where it is the usual one.
firmware_path() {
  case $layout in
    local) echo /usr/local/nvidia/firmware ;;
    gke) echo "$(driver_place)/firmware" ;;
    container) echo "$(driver_place)/lib/firmware" ;;
    nixos) echo "$(nix_package "$driver")-firmware/lib/firmware" ;;
  esac
}
