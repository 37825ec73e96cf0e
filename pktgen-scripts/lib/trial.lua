-- SPDX-License-Identifier: BSD-3-Clause
--- One trial, and the searches that are made of trials (RFC 2544 section 26).

local device = require("device")
local settings = require("settings")

local trial = {}

local OVERHEAD = 20 -- preamble, start of frame and gap of Ethernet, bytes
local line_rate, last

--- Call once before all else.
function trial.open()
	line_rate = device.line_rate()
	last = nil
end

--- Frames a second of this size that the line carries.
function trial.line_frames(size)
	return line_rate / ((device.mean_size(size) + OVERHEAD) * 8)
end

--- Percent of the line rate that both the way in and the way out carry: frames that grow on their way leave
-- less of the line for others (RFC 5695).
function trial.ceiling(size)
	local bytes = device.mean_size(size) + OVERHEAD
	return math.min(settings.max_rate, 100 * bytes / (bytes + math.max(0, settings.growth)))
end

local function whole_rounds(count)
	local period = settings.packets == "pcap" and settings.period or 1
	return math.max(1, math.floor(count / period + 0.5)) * period
end

-- Wait until all frames are sent or their time, and a little more, is over; whether it was.
local function is_late(seconds)
	device.sleep(seconds * 1000 * (1 + settings.shortfall) + 20)
	if not device.sending() then
		return false
	end
	device.stop()
	return true
end

--- Send at `rate` (percent) for so many seconds, or `count` frames; what came of it: rate, count, sent,
-- received, expected, lost (a share, below 0: more came than was sent), late, and `passed`.
function trial.run(size, rate, seconds, count)
	last = last or device.settled()
	local frames = trial.line_frames(size) * rate / 100
	count = whole_rounds(count or frames * seconds)
	device.start(rate, count)
	local late = is_late(count / frames)
	local now = device.settled()
	local got = {
		rate = rate, count = count, late = late,
		sent = now.sent - last.sent, received = now.received - last.received,
	}
	last = now
	got.expected = got.sent * settings.copies
	got.lost = got.sent == 0 and 1 or (got.expected - got.received) / math.max(1, got.expected)
	got.frames = late and got.sent / (count / frames) or frames
	got.short = late or got.sent < count
	got.passed = not got.short and got.lost <= settings.loss
	return got
end

--- Why a trial failed.
function trial.verdict(got)
	if got.passed then
		return "ok"
	end
	return got.lost > settings.loss and "loss" or "shortfall"
end

--- Highest rate that passes, by halving (RFC 2544 section 26.1). Returns that trial, or nil if none passes,
-- the number of trials, and what the lowest rate that failed failed of: `none passed` says that there was no lower.
function trial.search(size, note)
	local low, high = 0, trial.ceiling(size)
	local rate, best, trials, limit = high, nil, 0, "line"
	while trials == 0 or high - low > settings.resolution do
		local got = trial.run(size, rate, settings.seconds)
		trials = trials + 1
		note(got)
		if got.passed then
			low, best = rate, got
			if rate == high then
				break
			end
		else
			high, limit = rate, trial.verdict(got)
		end
		rate = (low + high) / 2
	end
	return best, trials, best and limit or "none passed: " .. limit
end

--- Longest burst at the line's rate that passes, in frames, at most `most`.
function trial.longest_burst(size, most)
	local low, high = 0, most
	local rate = trial.ceiling(size)
	local count = high
	while high - low > math.max(1, most * settings.resolution / 100, settings.period) do
		local got = trial.run(size, rate, nil, count)
		if got.lost <= settings.loss then
			if count == most then
				return most
			end
			low = count
		else
			high = count
		end
		count = math.floor((low + high) / 2)
	end
	return low
end

return trial
