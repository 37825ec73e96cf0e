-- SPDX-License-Identifier: BSD-3-Clause
--- RFC 2544 section 26.1: the highest rate at which no frame is lost, for each frame size.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
package.path = here .. "lib/?.lua;" .. package.path
local shunt = require("shunt")

shunt.throughput("rfc2544-throughput", "RFC 2544 throughput (section 26.1)")
