-- SPDX-License-Identifier: BSD-3-Clause
--- Throughput through a filter: of the frames that it permits none may be lost, of the others none may pass.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local function more(_, best)
	local sent = best and best.sent or 0
	return shunt.settings.copies, best and best.received or 0,
		best and math.max(0, best.received - sent * shunt.settings.copies) or 0
end

shunt.throughput("filter-throughput", "Filter throughput (as RFC 2544 section 26.1)",
	{ { "permitted", 9, "%.3f" }, { "received", 10, "%d" }, { "leaked", 7, "%d" } }, more)
