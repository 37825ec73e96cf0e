-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 2544 section 26.5: how long frames are still lost when an overload (110 % of the throughput, the line's
-- rate at most) ends and half of it follows. Pktgen reads its counters once a second: what is shorter than
-- that is known by the frames lost only.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local STEP = 1100 -- ms: one refresh of the counters
local CALM = 2    -- steps without loss that end it
local STEPS_MAX = 60
local COLUMNS = {
	{ "size", 6, "%d" }, { "throughput_percent", 18, "%.2f" }, { "overload_percent", 16, "%.2f" },
	{ "half_percent", 12, "%.2f" }, { "lost_in_overload", 16, "%d" }, { "lost_after", 10, "%d" },
	{ "recovery_ms", 11, "%.1f" }, { "limit", 10, "%s" },
}

local function lost(counts, first)
	return (counts.sent - first.sent) * shunt.settings.copies - (counts.received - first.received)
end

-- Frames lost after the change and the time until the last of them.
local function settle(first, frames)
	local calm, steps, before, after, total = 0, 0, shunt.device.counts(), 0, 0
	local tolerance = frames * 0.01 -- in flight when counters are read
	while calm < CALM and steps < STEPS_MAX do
		shunt.device.sleep(STEP)
		local now = shunt.device.counts()
		local more = lost(now, first) - lost(before, first)
		steps, before = steps + 1, now
		if more > tolerance then
			calm, after, total = 0, (steps - 1) * STEP + math.min(STEP, more / frames * 1000), total + more
		else
			calm = calm + 1
		end
	end
	return total, after
end

shunt.test("rfc2544-recovery", "RFC 2544 system recovery (section 26.5)", COLUMNS, function()
	local device, trial = shunt.device, shunt.trial
	for _, size in ipairs(shunt.settings.sizes) do
		device.choose(size)
		local best, _, limit = trial.search(size, function() end)
		local rate = best and best.rate or 0
		local over = math.min(100, rate * 1.1)
		if over > 0 then
			local first = device.settled()
			device.start(over, 0)
			device.sleep(shunt.settings.seconds * 1000)
			device.change(over / 2)
			device.sleep(STEP)
			local during = lost(device.counts(), first)
			local after, ms = settle(first, trial.line_frames(size) * over / 200)
			device.stop()
			device.settled()
			shunt.report.row(size, rate, over, over / 2, math.max(0, during), after, ms, limit)
			trial.open()
		else
			shunt.report.row(size, 0, nil, nil, nil, nil, nil, limit)
		end
	end
end)
