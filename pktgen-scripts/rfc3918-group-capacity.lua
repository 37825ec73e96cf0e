-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 3918 section 7.1: whether so many groups are forwarded. The receiver asks for all of them (the file of
-- `-s PORT:FILE`), then one frame is sent to each (the sender's file); the driver calls this with more and
-- more groups.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local COLUMNS = {
	{ "groups", 8, "%d" }, { "sent", 10, "%d" }, { "received", 10, "%d" }, { "held", 5, "%s" },
}

shunt.test("rfc3918-group-capacity", "RFC 3918 group capacity (section 7.1)", COLUMNS, function()
	local device, settings = shunt.device, shunt.settings
	local receiver = tostring(settings.rx[1])
	device.prepare(receiver, settings.join_rate, settings.groups) -- slow: routers police what is for themselves
	pktgen.start(receiver)
	while device.sending(receiver) do
		device.sleep(100)
	end
	device.sleep(1000)
	device.choose(settings.sizes[1])
	local got = shunt.trial.run(settings.sizes[1], settings.max_rate, nil, settings.groups)
	shunt.report.row(settings.groups, got.sent, got.received, got.received >= got.expected and "yes" or "no")
end)
