-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 2544 section 26.2: times of frames at the throughput, 20 trials of 120 s averaged unless told otherwise.
-- Pktgen takes times of UDP in IPv4 that it makes itself: other packets than these are timed by the driver.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local REPEATS = 20
local COLUMNS = {
	{ "size", 6, "%d" }, { "percent", 8, "%.2f" }, { "mpps", 9, "%.4f" }, { "samples", 8, "%d" },
	{ "min_us", 9, "%.2f" }, { "mean_us", 9, "%.2f" }, { "p50_us", 9, "%.2f" }, { "p99_us", 9, "%.2f" },
	{ "max_us", 9, "%.2f" }, { "limit", 10, "%s" },
}

local function at(times, share)
	return times[math.max(1, math.ceil(#times * share))]
end

local function mean(times)
	local sum = 0
	for _, time in ipairs(times) do
		sum = sum + time
	end
	return #times > 0 and sum / #times or nil
end

local function sample(size, rate)
	local settings, all = shunt.settings, {}
	local file = settings.out .. "/latency.samples"
	for _ = 1, settings.repeats or REPEATS do
		shunt.device.start_sampling(file)
		shunt.trial.run(size, rate, settings.seconds)
		local times = shunt.device.stop_sampling(file)
		table.move(times, 1, #times, #all + 1, all)
	end
	table.sort(all)
	return all
end

shunt.test("rfc2544-latency", "RFC 2544 latency (section 26.2)", COLUMNS, function()
	if shunt.settings.packets ~= "udp" then
		error("Pktgen takes times of its own UDP packets only: SHUNT_PACKETS must be udp", 0)
	end
	for _, size in ipairs(shunt.settings.sizes) do
		shunt.device.choose(size)
		local best, _, limit = shunt.trial.search(size, function() end)
		local times = best and sample(size, best.rate) or {}
		shunt.report.row(size, best and best.rate or 0, shunt.mpps(best and best.frames or 0), #times, times[1],
			mean(times), at(times, 0.5), at(times, 0.99), times[#times], limit)
	end
end)
