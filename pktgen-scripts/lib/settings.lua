-- SPDX-License-Identifier: BSD-3-Clause
--- What a test is told: Pktgen passes no arguments to scripts, so all of it comes from the environment.
-- README.md has the list. Each setting has the value that its RFC asks for unless it is given.

local settings = {}

local PORTS = 1023 -- highest number of a port
local LOWEST = 1e-6 -- rate, percent: none at all cannot be measured

local function text(name, default)
	local value = os.getenv("SHUNT_" .. name)
	if value == nil or value == "" then
		return default
	end
	return value
end

local function number(name, default, least, most)
	local value = text(name, nil)
	if value == nil then
		return default
	end
	local got = tonumber(value)
	if got == nil or got < (least or 0) or got > (most or math.maxinteger) then
		local range = most and ("%g to %g"):format(least or 0, most) or ("%g"):format(least or 0)
		error(("SHUNT_%s: %s: expected a number from %s"):format(name, value, range), 0)
	end
	return got
end

-- Whole numbers, separated by commas; `also`: a word that may stand for one.
local function list(name, default, least, most, also)
	local items, value = {}, text(name, default)
	for item in (value .. ","):gmatch("(.-),") do
		local got = item == also and item or math.tointeger(tonumber(item))
		if not got or (got ~= also and (got < least or got > most)) then
			error(("SHUNT_%s: %s: expected %s%d to %d, separated by commas"):format(name, value,
				also and also .. " or " or "", least, most), 0)
		end
		items[#items + 1] = got
	end
	return items
end

local function choice(name, default, other)
	local value = text(name, default)
	if value ~= default and value ~= other then
		error(("SHUNT_%s: %s: expected %s or %s"):format(name, value, default, other), 0)
	end
	return value
end

--- Read all of them again. Raises what is wrong as a string without a position.
function settings.read()
	settings.quit = text("QUIT", "") ~= "" -- leave Pktgen when the script ends, also for one of these
	settings.tx = ("%d"):format(math.floor(number("TX", 0, 0, PORTS))) -- port that sends, as Pktgen numbers them
	settings.rx = list("RX", "1", 0, PORTS) -- ports that receive
	settings.sizes = list("SIZES", "64,128,256,512,1024,1280,1518,imix", 64, 9018, "imix") -- bytes with FCS
	settings.seconds = number("SECONDS", 60, 0.1) -- of a trial
	settings.repeats = number("REPEATS", nil, 1) -- of a trial, where an RFC asks for more than one
	settings.max_rate = number("MAX_RATE", 100, LOWEST, 100) -- percent of the line rate
	settings.resolution = number("RESOLUTION", 0.5, 0.001) -- of a search, in percent of the line rate
	settings.loss = number("LOSS", 0, 0, 1) -- share of the frames that may be lost in a trial that passes
	settings.shortfall = number("SHORTFALL", 0.005, 0, 1) -- share of a trial's time by which sending may be late
	settings.packets = choice("PACKETS", "udp", "pcap") -- udp: Pktgen's own; pcap: the file of its option -s
	settings.period = number("PERIOD", 1, 1) -- frames of that file: trials send whole rounds of it
	settings.copies = number("COPIES", 1) -- frames that the receivers see for each that is sent
	settings.growth = number("GROWTH", 0, -2000) -- bytes by which frames are longer when they leave
	settings.labels = text("LABELS", "") -- what becomes of the labels, in words
	settings.groups = number("GROUPS", 1, 1) -- multicast: groups of the file
	settings.join_rate = number("JOIN_RATE", 0.001, LOWEST, 100) -- percent of the line rate at which hosts ask for groups
	settings.fanout = number("FANOUT", 1, 1) -- multicast: receivers, seen by us or not
	settings.scenario = text("SCENARIO", "ip4")
	settings.what = text("WHAT", "UDP in IPv4, one flow")
	settings.source_mac = text("SRC_MAC", "02:00:00:00:00:01")
	settings.target_mac = text("DST_MAC", "02:00:00:00:01:00") -- of the port under test
	settings.source_ip = text("SRC_IP", "10.1.0.1")
	settings.target_ip = text("DST_IP", "10.2.0.1")
	settings.out = text("OUT", ".") -- directory of the results
	settings.command = text("COMMAND", "pktgen")
end

return settings
