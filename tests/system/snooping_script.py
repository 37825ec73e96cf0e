# SPDX-License-Identifier: BSD-3-Clause
"""The words that situations of snooping are written in, and what is compared after them."""

import multicast_frames as make

PLAIN = ("join", "join1", "leave")


def said(words):
    """What a host says, from words: `join`, or `allow G a,b & to_ex H c` as [(type, group's name, sources)]."""
    if words[0] in PLAIN:
        return words[0]
    rows = []
    for row in " ".join(words).split("&"):
        parts = row.split()
        group = parts.pop(1) if len(parts) > 1 and parts[1] in "GH" else "G"
        kind = int(parts[0]) if parts[0].isdigit() else parts[0]
        rows.append((kind, group, parts[1].split(",") if len(parts) > 1 else []))
    return rows


def frame(family, port, what, group, other):
    """That as a frame of the host behind a port; G is `group`, H `other`."""
    if what == "leave":
        return make.leave(family, port, group)
    if what in PLAIN:
        return make.join(family, port, group, version=1 if what == "join1" else 2)
    return make.records(family, port, *[(kind, group if name == "G" else other, sources)
                                        for kind, name, sources in what])


def ends_something(what):
    """May a membership end by it, later?"""
    words = [what] if isinstance(what, str) else [row[0] for row in what]
    return bool({"leave", "to_in", "block", "to_ex"} & set(words))


def ours(row):
    """(mode, {source: forwarded}) of a row of `bridge groups show`."""
    return row["mode"], {source["address"]: source["forwarded"] for source in row["sources"]}


def theirs(row):
    """The same of a row of `bridge mdb show`."""
    return row.get("filter_mode", "exclude"), {source["address"]: float(source["timer"]) > 0
                                               for source in row.get("source_list", [])}


def matter(members):
    """What of memberships decides where data goes: {where: (mode, included or excluded)}."""
    return {key: (mode, {s for s, forwarded in sources.items() if forwarded == (mode == "include")})
            for key, (mode, sources) in members.items() if mode == "exclude" or sources}
