-- SPDX-License-Identifier: BSD-3-Clause
--- Pktgen as 24.05 and 26.x have it in common. Everything that differs between them stands here:
--
-- - `portStats` wants a type and gives the counters (24.05), or wants none and gives them below `curr`.
-- - Counters are read from the device once a second: what is younger is not in them.
-- - 26.x sends each frame until the port takes it, so that an overload is a lower rate and not a loss;
--   hence `late` of a trial. Never believe a loss alone.
-- - Its GRE and IGMP builders are broken or missing and it knows one MPLS label: all but plain UDP is
--   replayed from a file (`-s PORT:FILE`), which both versions do alike.
-- - `latency` statistics are in `pktStats` in 24.05 and nowhere in 26.x: both have the sampler, and a file.

local settings = require("settings")

local device = {}

-- The device is read once a second by a thread that may share its core.
local REFRESH = 1100 -- ms
-- Nobody counts for longer than this after the last frame.
local ROUNDS_MAX = 10
local SAMPLES = 50000 -- Pktgen takes a few more
local FLOWS_TO = 12 -- slots of the sequence that makes the IMIX
local IMIX = { 64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1518 }

--- Bytes of a frame on average; `size`: a number or "imix".
function device.mean_size(size)
	if size ~= "imix" then
		return size
	end
	local sum = 0
	for _, one in ipairs(IMIX) do
		sum = sum + one
	end
	return sum / #IMIX
end

local function counters_24(port)
	return pktgen.portStats(port, "port")[tonumber(port)]
end

local function counters_26(port)
	return pktgen.portStats(port)[tonumber(port)].curr
end

local counters

--- Find out which Pktgen this is; returns it in words.
function device.open()
	pktgen.screen("off")
	local old = pcall(pktgen.portStats, settings.tx, "port")
	counters = old and counters_24 or counters_26
	local info = pktgen.info
	return ("%s, %s, %s"):format(info.Pktgen_Version, info.DPDK_Version, _VERSION)
end

--- Milliseconds.
function device.sleep(ms)
	pktgen.delay(math.floor(ms))
end

--- Frames sent, and received by all receivers, since some time.
function device.counts()
	local sent, received = counters(settings.tx).opackets, 0
	for _, port in ipairs(settings.rx) do
		received = received + counters(tostring(port)).ipackets
	end
	return { sent = sent, received = received }
end

--- As counts(), when they stand still and are fresh.
function device.settled()
	device.sleep(REFRESH)
	local before = device.counts()
	for _ = 1, ROUNDS_MAX do
		device.sleep(REFRESH)
		local now = device.counts()
		if now.sent == before.sent and now.received == before.received then
			return now
		end
		before = now
	end
	error("frames are still arriving: something else sends to the receivers", 0)
end

--- Bits a second of the sending port; waits for the link of all ports.
function device.line_rate()
	local ports = settings.tx .. "," .. table.concat(settings.rx, ",")
	local states
	for _ = 1, 100 do
		states = pktgen.linkState(ports)
		local up = true
		for port, state in pairs(states) do
			up = up and (port == "n" or state:find("UP", 1, true) ~= nil)
		end
		if up then
			local speed = states[tonumber(settings.tx)]:match("UP%-(%d+)")
			return tonumber(speed) * 1e6
		end
		device.sleep(100)
	end
	for port, state in pairs(states) do
		if port ~= "n" and not state:find("UP", 1, true) then
			error(("port %s: link %s, expected it up"):format(port, state), 0)
		end
	end
end

local function single(size)
	local tx = settings.tx
	pktgen.set_type(tx, "ipv4")
	pktgen.set_proto(tx, "udp")
	pktgen.set_mac(tx, "src", settings.source_mac)
	pktgen.set_mac(tx, "dst", settings.target_mac)
	pktgen.set_ipaddr(tx, "src", settings.source_ip .. "/24")
	pktgen.set_ipaddr(tx, "dst", settings.target_ip)
	pktgen.set(tx, "size", size)
end

--- What is sent from now on: frames of this size, or "imix"; with `packets` "pcap" the file of `-s`,
-- whatever the size.
function device.choose(size)
	local tx = settings.tx
	if settings.packets == "pcap" then
		pktgen.pcap(tx, "on")
		return
	end
	single(size == "imix" and 64 or size)
	pktgen.set(tx, "seq_cnt", size == "imix" and FLOWS_TO or 0)
	if size == "imix" then
		for i, bytes in ipairs(IMIX) do
			pktgen.seq(i - 1, tx, settings.target_mac, settings.source_mac, settings.target_ip,
				settings.source_ip .. "/24", 1024 + i, 5678, "ipv4", "udp", 1, bytes)
		end
	end
end

--- Send `count` frames (0: until stop()) at a rate in percent of the line rate; `also`: another port that
-- begins to send at the same moment, its own count having been set.
function device.start(rate, count, also)
	pktgen.set(settings.tx, "rate", rate)
	pktgen.set(settings.tx, "count", count)
	pktgen.start(also and settings.tx .. "," .. also or settings.tx)
end

--- A port other than the sender: it replays `count` frames of its file, one by one, when start() names it.
function device.prepare(port, rate, count)
	pktgen.pcap(port, "on")
	pktgen.set(port, "txburst", 1)
	pktgen.set(port, "rate", rate)
	pktgen.set(port, "count", count)
end

--- Send frames one by one, not in bursts: times are then known to a frame.
function device.one_by_one()
	pktgen.set(settings.tx, "txburst", 1)
end

--- Another rate for what is being sent, in percent.
function device.change(rate)
	pktgen.set(settings.tx, "rate", rate)
end

--- Whether the sender, or another port, is still sending.
function device.sending(port)
	port = port or settings.tx
	return pktgen.isSending(port)[tonumber(port)] == "y"
end

--- No more.
function device.stop()
	pktgen.stop(settings.tx)
end

--- Take times of frames from here to stop_sampling().
function device.start_sampling(file)
	local ports = settings.tx .. "," .. settings.rx[1]
	pktgen.latency(ports, "rate", 100) -- one in so many microseconds
	pktgen.latency(ports, "enable")
	pktgen.latsampler_params(tostring(settings.rx[1]), "simple", SAMPLES, 100000, file)
	pktgen.latsampler(tostring(settings.rx[1]), "on")
end

--- Times in microseconds, sorted.
function device.stop_sampling(file)
	pktgen.latsampler(tostring(settings.rx[1]), "off")
	pktgen.latency(settings.tx .. "," .. settings.rx[1], "disable")
	local times, input = {}, io.open(file, "r")
	if input == nil then
		return times
	end
	for line in input:lines() do
		local ns = tonumber(line)
		if ns then
			times[#times + 1] = ns / 1000
		end
	end
	input:close()
	os.remove(file)
	table.sort(times)
	return times
end

return device
