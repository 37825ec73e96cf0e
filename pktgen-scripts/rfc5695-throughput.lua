-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 5695 section 6.1: throughput of label switching. Sizes are those of the frames that come in; labels
-- that are pushed make frames longer when they leave, and the way out full before the way in is.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local function more(size)
	return shunt.settings.labels, shunt.device.mean_size(size) + shunt.settings.growth,
		shunt.trial.ceiling(size)
end

shunt.throughput("rfc5695-throughput", "RFC 5695 throughput (section 6.1)",
	{ { "labels", 14, "%s" }, { "size_out", 8, "%.0f" }, { "ceiling", 7, "%.2f" } }, more)
