-- SPDX-License-Identifier: BSD-3-Clause
--- A table on the screen, and the same as CSV and JSON: OUT/TEST-SCENARIO.csv and .json.

local settings = require("settings")

local report = { rows = {}, columns = {}, heading = {} }

local function say(...)
	io.write(string.format(...), "\n")
	io.flush()
end

--- Begin: `columns` is a list of { name, width, format }; `heading` of { name, value } goes above the table.
function report.begin(title, columns, heading)
	report.title, report.columns, report.heading, report.rows = title, columns, heading, {}
	say("\n%s", title)
	for _, item in ipairs(heading) do
		say("  %-10s %s", item[1], item[2])
	end
	local line = {}
	for i, column in ipairs(columns) do
		line[i] = ("%" .. column[2] .. "s"):format(column[1])
	end
	say("%s", table.concat(line, " "))
end

local function cell(column, value)
	if value == nil then
		return "-"
	end
	return type(value) == "number" and column[3]:format(value) or tostring(value)
end

--- One line; values in the columns' order, nil where there is none.
function report.row(...)
	local row, line = table.pack(...), {}
	report.rows[#report.rows + 1] = row
	for i, column in ipairs(report.columns) do
		line[i] = ("%" .. column[2] .. "s"):format(cell(column, row[i]))
	end
	say("%s", table.concat(line, " "))
end

--- A line that is in no file.
function report.note(...)
	say("  " .. select(1, ...), select(2, ...))
end

local function quoted(value)
	local escaped = tostring(value):gsub('[%c"\\]', function(char)
		return ("\\u%04x"):format(char:byte())
	end)
	return '"' .. escaped .. '"'
end

local function json(value)
	if value == nil then
		return "null"
	elseif type(value) == "number" then
		return value == math.floor(value) and ("%d"):format(value) or ("%.6g"):format(value)
	end
	return quoted(value)
end

local function write(path, lines)
	local file, why = io.open(path, "w")
	if file == nil then
		error(("%s: %s"):format(path, why), 0)
	end
	file:write(table.concat(lines, "\n"), "\n")
	file:close()
end

local function csv_lines()
	local names, lines = {}, {}
	for i, column in ipairs(report.columns) do
		names[i] = column[1]
	end
	lines[1] = table.concat(names, ",")
	for _, row in ipairs(report.rows) do
		local line = {}
		for i in ipairs(report.columns) do
			line[i] = row[i] == nil and "" or tostring(row[i])
		end
		lines[#lines + 1] = table.concat(line, ",")
	end
	return lines
end

local function json_lines()
	local lines = { "{", ('  "title": %s,'):format(quoted(report.title)) }
	for _, item in ipairs(report.heading) do
		lines[#lines + 1] = ('  %s: %s,'):format(quoted(item[1]), json(item[2]))
	end
	lines[#lines + 1] = '  "rows": ['
	for number, row in ipairs(report.rows) do
		local members = {}
		for i, column in ipairs(report.columns) do
			members[i] = ("%s: %s"):format(quoted(column[1]), json(row[i]))
		end
		lines[#lines + 1] = ("    {%s}%s"):format(table.concat(members, ", "), number < #report.rows and "," or "")
	end
	lines[#lines + 1] = "  ]"
	lines[#lines + 1] = "}"
	return lines
end

--- Write the files of a test.
function report.save(test)
	local base = ("%s/%s-%s"):format(settings.out, test, settings.scenario)
	write(base .. ".csv", csv_lines())
	write(base .. ".json", json_lines())
	say("written: %s.csv %s.json", base, base)
end

return report
