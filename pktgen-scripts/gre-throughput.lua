-- SPDX-License-Identifier: BSD-3-Clause
--- Throughput into and out of GRE tunnels, as RFC 2544 section 26.1 has it; sizes are those of the frames that
-- come in.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local function more(size)
	return shunt.device.mean_size(size) + shunt.settings.growth, shunt.trial.ceiling(size)
end

shunt.throughput("gre-throughput", "GRE throughput (as RFC 2544 section 26.1)",
	{ { "size_out", 8, "%.0f" }, { "ceiling", 7, "%.2f" } }, more)
