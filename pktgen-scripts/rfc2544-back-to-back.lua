-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 2544 section 26.4 with the corrections of RFC 9004: the longest burst at the line's rate of which nothing
-- is lost, 50 times; the buffer time that it stands for, less what was forwarded meanwhile. Sizes whose
-- throughput is the line's rate have no such burst (RFC 9004 section 5.1).
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local REPEATS = 50
local SECONDS = 2 -- the longest burst that is tried
local COLUMNS = {
	{ "size", 6, "%d" }, { "throughput_percent", 18, "%.2f" }, { "trials", 6, "%d" },
	{ "mean_frames", 11, "%.0f" }, { "min_frames", 10, "%d" }, { "max_frames", 10, "%d" },
	{ "deviation", 9, "%.1f" }, { "implied_us", 10, "%.2f" }, { "corrected_us", 12, "%.2f" },
	{ "limit", 10, "%s" },
}

local function statistics(values)
	local sum, squares = 0, 0
	for _, value in ipairs(values) do
		sum = sum + value
	end
	local mean = sum / #values
	for _, value in ipairs(values) do
		squares = squares + (value - mean) ^ 2
	end
	return mean, math.min(table.unpack(values)), math.max(table.unpack(values)), math.sqrt(squares / #values)
end

shunt.test("rfc2544-back-to-back", "RFC 2544 back-to-back frames (section 26.4, RFC 9004)", COLUMNS, function()
	for _, size in ipairs(shunt.settings.sizes) do
		shunt.device.choose(size)
		local best, _, limit = shunt.trial.search(size, function() end)
		local rate, line = best and best.rate or 0, shunt.trial.line_frames(size)
		if rate >= shunt.trial.ceiling(size) then
			shunt.report.row(size, rate, 0, nil, nil, nil, nil, nil, nil, limit)
		else
			local most, bursts = math.floor(line * math.min(SECONDS, shunt.settings.seconds)), {}
			for i = 1, shunt.settings.repeats or REPEATS do
				bursts[i] = shunt.trial.longest_burst(size, most)
			end
			local mean, least, longest, deviation = statistics(bursts)
			-- RFC 9004 section 5.4
			local implied = mean / line
			local corrected = implied - implied * (best and best.frames or 0) / line
			shunt.report.row(size, rate, #bursts, mean, least, longest, deviation, implied * 1e6, corrected * 1e6,
				limit)
		end
	end
end)
