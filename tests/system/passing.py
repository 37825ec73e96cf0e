# SPDX-License-Identifier: BSD-3-Clause
"""A frame through a bridge, and when it has passed."""

import time


def through(ends, port, frame, markers, limit):
    """Send a frame into a port of a bridge whose ports' far ends are `ends`: (capture, sender) each. After it go
    markers by the same port, (frame, ports that get it); a frame has come wherever it goes once these are all
    there. Returns for each port what came but for markers; AssertionError after `limit` seconds."""
    ends[port][1].send([frame])
    ends[port][1].send([marker for marker, _ in markers])
    # without a tag, which ports put on and take off
    waiting = {(end, marker[-16:]) for marker, members in markers for end in members}
    got, until = [[] for _ in ends], time.monotonic() + limit
    while True:
        last = not waiting  # what nobody waits for was there before the last marker, if it came at all
        for end, (capture, _) in enumerate(ends):
            for came in capture.drain():
                if (end, came[-16:]) in waiting:
                    waiting.discard((end, came[-16:]))
                elif b"\x88\xb5" not in came[12:18]:
                    got[end].append(came)
        if last:
            return got
        if waiting and time.monotonic() > until:
            raise AssertionError(f"markers that did not come: {sorted(waiting)}")
        if waiting:
            time.sleep(0.001)
