-- SPDX-License-Identifier: BSD-3-Clause
--- Pktgen without Pktgen: `lua5.4 pktgen_stub.lua VERSION SCRIPT`, VERSION 24.05 or 26.02.
--
-- The functions that it has are those of Pktgen's app/lpktgenlib.c with the arguments that they take there:
-- another name or another number of arguments is an error. Behind them is a forwarder in simulated time, told
-- by the environment:
--
--   STUB_PORT    frames a second that the sending port takes; 24.05 drops what is above, 26.02 sends later
--   STUB_DUT     frames a second that are forwarded
--   STUB_BUFFER  frames that wait for that, 0
--   STUB_JOIN    ms until a receiver's last report counts; without it all frames are forwarded from the start
--   STUB_SHARE   share of the frames that are forwarded at all, 1
--   STUB_COPIES  frames for each of them, 1
--   STUB_SIZE    bytes with FCS of a replayed file's frames, 64
--   STUB_LATENCY microseconds, of half of the frames; the others take twice as long

local version, script = arg[1], arg[2]
assert(version == "24.05" or version == "26.02", "expected 24.05 or 26.02")
local new = version == "26.02"

local function told(name, default)
	return tonumber(os.getenv("STUB_" .. name)) or default
end

local SPEED = 10000 -- Mbit/s
local STEP = 0.0005 -- s of simulated time
local port_rate, dut_rate = told("PORT", math.huge), told("DUT", math.huge)
local buffer, join, share = told("BUFFER", 0), told("JOIN", nil), told("SHARE", 1)
local copies, latency = told("COPIES", 1), told("LATENCY", 10)

-- ---------------------------------------------------------------- simulation

local now, queue, joined = 0, 0, join == nil and 0 or nil
local ports = {}
for pid = 0, 1 do
	ports[pid] = { rate = 100, count = 0, size = 64, seq = {}, seq_cnt = 0, left = 0, sent = 0, received = 0,
		seen = { sent = 0, received = 0 } }
end

local function size_of(port)
	if port.pcap then
		return told("SIZE", 64)
	elseif port.seq_cnt > 0 then
		local sum = 0
		for i = 0, port.seq_cnt - 1 do
			sum = sum + assert(port.seq[i], "sequence slot not set")
		end
		return sum / port.seq_cnt
	end
	return port.size
end

local function rate_of(port)
	return SPEED * 1e6 / ((size_of(port) + 20) * 8) * port.rate / 100
end

local function forward(arrived, seconds)
	if joined == nil or now < joined then
		return
	end
	local ready = queue + arrived * share
	local done = math.min(ready, dut_rate * seconds)
	queue = math.min(ready - done, buffer)
	ports[1].received = ports[1].received + done * copies
end

local function step(seconds)
	local port, arrived = ports[0], 0
	if port.sending then
		local rate = rate_of(port)
		local frames = math.min(new and math.min(rate, port_rate) * seconds or rate * seconds,
			port.left)
		port.left = port.left - frames
		arrived = math.min(frames, port_rate * seconds) -- 24.05: the rest is not sent, and counted as sent
		port.sent = port.sent + frames
		if port.left <= 0 then
			port.sending = false
		end
	end
	local receiver = ports[1]
	if receiver.sending then
		receiver.left = receiver.left - rate_of(receiver) * seconds
		if receiver.left <= 0 then
			receiver.sending = false
			joined = join and now + join / 1000 or joined
		end
	end
	forward(arrived, seconds)
	local before = math.floor(now)
	now = now + seconds
	if math.floor(now) ~= before then
		for _, one in pairs(ports) do
			one.seen = { sent = math.floor(one.sent + 0.5), received = math.floor(one.received + 0.5) }
		end
	end
end

-- ---------------------------------------------------------------- the interface

local function list(text, n)
	assert(type(text) == "string", ("argument %d: expected a port list as a string"):format(n))
	local found = {}
	for item in text:gmatch("[^,]+") do
		local pid = assert(tonumber(item), "bad port list " .. text)
		found[#found + 1] = assert(ports[pid], "no port " .. item) and pid
	end
	return found
end

local function each(text, act)
	for _, pid in ipairs(list(text, 1)) do
		act(ports[pid], pid)
	end
end

local function table_of(text, value)
	local out = { n = 0 }
	each(text, function(port, pid)
		out[pid] = value(port)
		out.n = out.n + 1
	end)
	return out
end

local function one_of(value, ...)
	for _, allowed in ipairs({ ... }) do
		if value == allowed then
			return value
		end
	end
	error(("%s: expected one of %s"):format(tostring(value), table.concat({ ... }, ", ")))
end

local function counters(port)
	return { ipackets = port.seen.received, opackets = port.seen.sent, ibytes = 0, obytes = 0, ierrors = 0,
		oerrors = 0, rx_nombuf = 0, imissed = 0 }
end

local settable = {
	count = function(port, value)
		port.count = value
	end,
	rate = function(port, value)
		assert(value > 0 and value <= 100, "rate: a percentage")
		port.rate = value
	end,
	size = function(port, value)
		assert(value >= 64 and value <= 1518, "size: bytes with FCS")
		port.size = value
	end,
	seq_cnt = function(port, value)
		assert(value <= 16, "16 slots")
		port.seq_cnt = value
	end,
	txburst = function() end,
}

local sampler = {}
local functions = {
	screen = { 1, 1, function(state) one_of(state, "on", "off") end },
	delay = { 1, 1, function(ms)
		assert(math.type(ms) == "integer", "milliseconds as an integer")
		for _ = 1, ms / 1000 / STEP do
			step(STEP)
		end
	end },
	set = { 3, 3, function(text, what, value)
		assert(type(value) == "number" and settable[what], "set does not support " .. tostring(what))
		each(text, function(port) settable[what](port, value) end)
	end },
	set_mac = { 3, 3, function(text, which, mac)
		one_of(which, "src", "dst")
		assert(mac:match("^%x%x:%x%x:%x%x:%x%x:%x%x:%x%x$"), "MAC " .. mac)
		list(text, 1)
	end },
	set_ipaddr = { 3, 3, function(_, which, address)
		one_of(which, "src", "dst")
		assert((address:find("/", 1, true) ~= nil) == (which == "src"), "src with a length, dst without")
	end },
	set_proto = { 2, 2, function(_, what) one_of(what, "tcp", "udp", "icmp") end },
	set_type = { 2, 2, function(_, what) one_of(what, "ipv4", "ipv6", "vlan", "arp") end },
	pcap = { 2, 2, function(text, state)
		one_of(state, "on", "off", "enable", "disable")
		each(text, function(port) port.pcap = state == "on" or state == "enable" end)
	end },
	seq = { 12, 13, function(slot, text, dst, src, dip, sip, sport, dport, family, protocol, vlan, size)
		assert(slot < 16 and dst and src and dip and sport and dport and vlan and sip:find("/"))
		one_of(family, "ipv4", "ipv6")
		one_of(protocol, "udp", "tcp", "icmp")
		each(text, function(port) port.seq[slot] = size end)
	end },
	start = { 1, 1, function(text)
		each(text, function(port)
			port.sending, port.left = true, port.count == 0 and math.huge or port.count
		end)
	end },
	stop = { 1, 1, function(text)
		each(text, function(port) port.sending = false end)
	end },
	isSending = { 1, 1, function(text)
		return table_of(text, function(port) return port.sending and "y" or "n" end)
	end },
	linkState = { 1, 1, function(text)
		return table_of(text, function() return ("<UP-%d-FD>"):format(SPEED) end)
	end },
	latency = { 2, 3, function(text, what, value)
		one_of(what, "rate", "entropy", "enable", "disable", "on", "off")
		assert((value ~= nil) == (what == "rate" or what == "entropy"))
		list(text, 1)
	end },
	latsampler_params = { 5, 5, function(_, kind, samples, rate, file)
		one_of(kind, "simple", "poisson")
		assert(rate >= 1 and samples <= 50108, "sampler: rate or number of samples")
		sampler = { samples = samples, file = file }
	end },
	latsampler = { 2, 2, function(text, state)
		list(text, 1)
		if one_of(state, "on", "off", "enable", "disable") == "off" then
			local file = assert(io.open(sampler.file, "w"))
			for i = 1, math.min(sampler.samples, 1000) do
				file:write(("%d\n"):format(latency * 1000 * (1 + i % 2)))
			end
			file:close()
		end
	end },
	quit = { 0, 0, function() os.exit(0) end },
}

if new then
	functions.portStats = { 1, 1, function(text)
		return table_of(text, function(port) return { curr = counters(port), sizes = {}, qstats = {} } end)
	end }
else
	functions.portStats = { 2, 2, function(text, kind)
		one_of(kind, "port", "rate")
		return table_of(text, counters)
	end }
end

pktgen = setmetatable({}, { __index = function(_, name)
	error(("Pktgen %s has no pktgen.%s"):format(version, name), 2)
end })
pktgen.info = { Pktgen_Version = "Pktgen " .. version .. " (stub)", DPDK_Version = "DPDK stub" }
for name, entry in pairs(functions) do
	local least, most, act = table.unpack(entry)
	pktgen[name] = function(...)
		local count = select("#", ...)
		if count < least or count > most then
			error(("%s, wrong number of arguments"):format(name), 2)
		end
		return act(...)
	end
end

arg = nil -- Pktgen gives scripts no arguments
dofile(script)
