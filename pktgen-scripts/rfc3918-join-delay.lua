-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 3918 section 6.1: how long after a host's IGMP report its first frame comes. Both ports begin at the same
-- moment, the receiver's (which replays its reports, the file of `-s PORT:FILE`) and the sender's: the frames
-- of the stream that are missing at its beginning, at a known rate, are the delay.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local REPEATS = 1
local COLUMNS = {
	{ "size", 6, "%d" }, { "groups", 6, "%d" }, { "percent", 8, "%.3f" }, { "sent", 10, "%d" },
	{ "received", 10, "%d" }, { "missing", 9, "%d" }, { "delay_ms", 9, "%.3f" }, { "short", 6, "%s" },
}

shunt.test("rfc3918-join-delay", "RFC 3918 group join delay (section 6.1)", COLUMNS, function()
	local device, settings = shunt.device, shunt.settings
	device.one_by_one()
	for _, size in ipairs(settings.sizes) do
		for _ = 1, settings.repeats or REPEATS do
			device.choose(size)
			local rate = settings.max_rate
			local frames = shunt.trial.line_frames(size) * rate / 100
			local count = math.ceil(frames * settings.seconds / settings.period) * settings.period
			local receiver = tostring(settings.rx[1])
			device.prepare(receiver, 100, settings.groups)
			local before = device.settled()
			device.start(rate, count, receiver)
			device.sleep(count / frames * 1000 * (1 + settings.shortfall) + 20)
			local late = device.sending()
			device.stop()
			local now = device.settled()
			local sent, received = now.sent - before.sent, now.received - before.received
			local missing = math.max(0, sent * settings.copies - received)
			shunt.report.row(size, settings.groups, rate, sent, received, missing,
				missing / settings.copies / frames * 1000, late and "yes" or "no")
		end
	end
end)
