# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A dockerd of a simulated host, with data of its own.
# shellcheck disable=SC2154 # variables of lib.sh and engines.sh

docker() { command docker -H "unix://$work/docker.sock" "$@"; }

start_daemon() {  # NAME [OPTION]...
  local attempt
  ip link set lo up 2> /dev/null || true
  env -i PATH="$work/bin:/usr/sbin:/usr/bin:/sbin:/bin" LANG=C.UTF-8 dockerd --data-root "$work/docker-$1" \
    --exec-root "/run/gpu-hook-docker" --pidfile "/run/gpu-hook-docker.pid" --host "unix://$work/docker.sock" \
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none --userland-proxy=false \
    --cgroup-parent "/${work##*/}" "${@:2}" > "$work/dockerd.log" 2>&1 &
  for attempt in {1..150}; do
    ! docker version > /dev/null 2>&1 || return 0
    kill -0 $! 2> /dev/null || break
    sleep 0.2
  done
  flunk "$title: dockerd is ready after $attempt attempts" "$(tail -n 5 "$work/dockerd.log")"
  return 1
}

run() {  # OPTION... : docker run with these options; image and command are the last of them. Sets status, out, err.
  status=0
  docker run --rm --network none "$@" > "$work/stdout" 2> "$work/stderr" < /dev/null || status=$?
  out=$(< "$work/stdout") err=$(< "$work/stderr")
}
