-- SPDX-License-Identifier: BSD-3-Clause
--- What a test is told: Pktgen passes no arguments to scripts, so all of it comes from the environment.
-- README.md has the list. Each setting has the value that its RFC asks for unless it is given.

local settings = {}

local function text(name, default)
	local value = os.getenv("SHUNT_" .. name)
	if value == nil or value == "" then
		return default
	end
	return value
end

local function number(name, default, least)
	local value = text(name, nil)
	if value == nil then
		return default
	end
	local got = tonumber(value)
	if got == nil or got < (least or 0) then
		error(("SHUNT_%s: %s: expected a number from %g"):format(name, value, least or 0), 0)
	end
	return got
end

local function list(name, default)
	local items = {}
	for item in text(name, default):gmatch("[^,]+") do
		items[#items + 1] = tonumber(item) or item
	end
	return items
end

--- Read all of them again. Raises what is wrong as a string without a position.
function settings.read()
	settings.tx = text("TX", "0") -- port that sends, as Pktgen numbers them
	settings.rx = list("RX", "1") -- ports that receive
	settings.sizes = list("SIZES", "64,128,256,512,1024,1280,1518,imix") -- bytes with FCS
	settings.seconds = number("SECONDS", 60, 0.1) -- of a trial
	settings.repeats = number("REPEATS", nil, 1) -- of a trial, where an RFC asks for more than one
	settings.max_rate = number("MAX_RATE", 100) -- percent of the line rate
	settings.resolution = number("RESOLUTION", 0.5, 0.001) -- of a search, in percent of the line rate
	settings.loss = number("LOSS", 0) -- share of the frames that may be lost in a trial that passes
	settings.shortfall = number("SHORTFALL", 0.005) -- share of a trial's time by which sending may be late
	settings.packets = text("PACKETS", "udp") -- udp: Pktgen's own; pcap: the file of its option -s
	settings.period = number("PERIOD", 1, 1) -- frames of that file: trials send whole rounds of it
	settings.copies = number("COPIES", 1) -- frames that the receivers see for each that is sent
	settings.growth = number("GROWTH", 0, -2000) -- bytes by which frames are longer when they leave
	settings.labels = text("LABELS", "") -- what becomes of the labels, in words
	settings.groups = number("GROUPS", 1, 1) -- multicast: groups of the file
	settings.join_rate = number("JOIN_RATE", 0.001) -- percent of the line rate at which hosts ask for groups
	settings.fanout = number("FANOUT", 1, 1) -- multicast: receivers, seen by us or not
	settings.scenario = text("SCENARIO", "ip4")
	settings.what = text("WHAT", "UDP in IPv4, one flow")
	settings.source_mac = text("SRC_MAC", "02:00:00:00:00:01")
	settings.target_mac = text("DST_MAC", "02:00:00:00:01:00") -- of the port under test
	settings.source_ip = text("SRC_IP", "10.1.0.1")
	settings.target_ip = text("DST_IP", "10.2.0.1")
	settings.out = text("OUT", ".") -- directory of the results
	settings.command = text("COMMAND", "pktgen")
	settings.quit = text("QUIT", "") ~= "" -- leave Pktgen when the script ends
end

return settings
