# SPDX-License-Identifier: Apache-2.0
"""Paths below a driver root."""
import os

MAX_LINKS = 40  # as the kernel's


def real_path(root: str, path: str) -> str:
    """Where `path` leads for a process whose root directory is `root`."""
    parts, done, links = path.split("/"), "/", 0
    while parts:
        part = parts.pop(0)
        if part in ("", "."):
            continue
        done = os.path.normpath(os.path.join(done, part))
        if os.path.islink(root + done) and links < MAX_LINKS:
            links += 1
            text = os.readlink(root + done)
            parts = text.split("/") + parts
            done = "/" if text.startswith("/") else os.path.dirname(done)
    return done
