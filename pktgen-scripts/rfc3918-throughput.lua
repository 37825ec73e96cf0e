-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 3918 section 4.1 (mixed groups) and 4.3 (aggregated): throughput of multicast; every copy counts.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local function more(size, best)
	local frames = (best and best.frames or 0) * shunt.settings.fanout
	return shunt.settings.groups, shunt.settings.fanout, shunt.mpps(frames), shunt.gbps(frames, size)
end

shunt.throughput("rfc3918-throughput", "RFC 3918 multicast throughput (sections 4.1, 4.3)",
	{ { "groups", 6, "%d" }, { "fanout", 6, "%d" }, { "mpps_out", 9, "%.4f" }, { "gbps_out", 9, "%.3f" } }, more)
