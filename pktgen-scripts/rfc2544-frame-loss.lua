-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 2544 section 26.3: the share of frames that are lost, from the full rate down in steps of a tenth, until
-- nothing is lost twice.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

local COLUMNS = {
	{ "size", 6, "%d" }, { "percent", 8, "%.2f" }, { "offered_mpps", 12, "%.4f" }, { "sent", 11, "%d" },
	{ "received", 11, "%d" }, { "loss_percent", 12, "%.4f" }, { "short", 6, "%s" },
}

shunt.test("rfc2544-frame-loss", "RFC 2544 frame loss rate (section 26.3)", COLUMNS, function()
	for _, size in ipairs(shunt.settings.sizes) do
		shunt.device.choose(size)
		local most, clean = shunt.trial.ceiling(size), 0
		for step = 10, 1, -1 do
			local got = shunt.trial.run(size, most * step / 10, shunt.settings.seconds)
			shunt.report.row(size, got.rate, shunt.mpps(got.frames), got.sent, got.received,
				math.max(0, got.lost) * 100, got.short and "yes" or "no")
			clean = got.passed and clean + 1 or 0
			if clean == 2 then
				break
			end
		end
	end
end)
