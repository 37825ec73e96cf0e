-- SPDX-License-Identifier: BSD-3-Clause
--- The library of these scripts: `local shunt = require("shunt")`, then shunt.test(...).

local shunt = {
	settings = require("settings"),
	device = require("device"),
	trial = require("trial"),
	report = require("report"),
}

--- Run a test. `name`: of its files; `title`: what it is, with its RFC; `columns`: see report.begin; `body`
-- is called once and makes the rows. The last line is `shunt: NAME: done`, or `shunt: NAME: failed: WHY`.
function shunt.test(name, title, columns, body)
	local good, why = pcall(function()
		local settings = shunt.settings
		settings.read()
		local version = shunt.device.open()
		shunt.trial.open()
		shunt.report.begin(title, columns, {
			{ "test", name }, { "scenario", settings.scenario }, { "packets", settings.what },
			{ "version", version }, { "command", settings.command },
			{ "seconds", settings.seconds }, { "line", ("%.0f Mbit/s"):format(shunt.trial.line_frames(64) * 672 / 1e6) },
		})
		body()
		shunt.report.save(name)
	end)
	io.write("shunt: ", name, good and ": done" or ": failed: " .. tostring(why), "\n")
	io.flush()
	if shunt.settings.quit then
		pktgen.quit()
	end
end

--- Million frames a second.
function shunt.mpps(frames)
	return frames / 1e6
end

--- Gigabits a second of frames with FCS.
function shunt.gbps(frames, size)
	return frames * shunt.device.mean_size(size) * 8 / 1e9
end

--- The columns and the body of a throughput test, which several RFCs have; `more(size, best)`: values of
-- `extra` columns.
function shunt.throughput(name, title, extra, more)
	local columns = {
		{ "size", 6, "%d" }, { "percent", 8, "%.2f" }, { "mpps", 9, "%.4f" }, { "gbps", 8, "%.3f" },
		{ "line_mpps", 10, "%.4f" }, { "trials", 7, "%d" }, { "limit", 10, "%s" },
	}
	table.move(extra or {}, 1, #(extra or {}), #columns + 1, columns)
	shunt.test(name, title, columns, function()
		for _, size in ipairs(shunt.settings.sizes) do
			shunt.device.choose(size)
			local best, trials, limit = shunt.trial.search(size, function(got)
				shunt.report.note("%s: %6.2f %% %12d sent %12d received  %s", size, got.rate, got.sent,
					got.received, shunt.trial.verdict(got))
			end)
			local frames = best and best.frames or 0
			local values = more and table.pack(more(size, best)) or { n = 0 }
			shunt.report.row(size, best and best.rate or 0, shunt.mpps(frames), shunt.gbps(frames, size),
				shunt.mpps(shunt.trial.line_frames(size)), trials, limit, table.unpack(values, 1, values.n))
		end
	end)
end

return shunt
