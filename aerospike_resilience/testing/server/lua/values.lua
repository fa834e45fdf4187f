-- The values that a record holds: lists, maps and bytes, and MessagePack as the server stores it.
-- Returns the constructors, and functions that read and write bins.

local List, Map, Bytes, Text = {}, {}, {}, {}
local list, map, bytes = {}, {}, {}
local pack, unpack = string.pack, string.unpack
local FLAGS, KEYS, ORDER, VALUES = {}, {}, {}, {} -- names of fields that no key can be

local function is(value, kind)
  return type(value) == "table" and getmetatable(value) == kind
end

local function expect(value, kind, name)
  if not is(value, kind) then
    error("expected a " .. name .. ", got " .. type(value), 3)
  end
  return value
end

-- Lists: `items` and their number, since nil may be among them.

local function new_list(items, count, flags)
  return setmetatable({ items = items, count = count, [FLAGS] = flags }, List)
end

List.__name, Map.__name, Bytes.__name = "List", "Map", "Bytes"

function List.__index(self, position)
  return rawget(self, "items")[position]
end

function List.__newindex(self, position, value)
  if math.type(position) == "integer" and position > 0 then
    self.items[position] = value
    rawset(self, "count", math.max(rawget(self, "count"), position))
  end
end

function List.__len(self)
  return rawget(self, "count")
end

function List.__tostring(self)
  local shown = {}
  for position = 1, #self do
    shown[position] = tostring(rawget(self, "items")[position])
  end
  return "[" .. table.concat(shown, ", ") .. "]"
end

local function raw_items(self)
  return rawget(expect(self, List, "list"), "items"), rawget(self, "count")
end

local function slice(self, first, last)
  local items, count = raw_items(self)
  local found = {}
  last = math.min(last, count)
  for position = math.max(first, 1), last do
    found[#found + 1] = items[position]
  end
  return new_list(found, math.max(last - math.max(first, 1) + 1, 0))
end

local function insert(self, position, value)
  local items, count = raw_items(self)
  table.move(items, position, count, position + 1)
  items[position] = value
  rawset(self, "count", math.max(count + 1, position))
end

function list.size(self) return #expect(self, List, "list") end
function list.append(self, value) insert(self, list.size(self) + 1, value) end
function list.prepend(self, value) insert(self, 1, value) end
function list.insert(self, position, value) insert(self, position, value) end
function list.take(self, count) return slice(self, 1, count) end
function list.drop(self, count) return slice(self, count + 1, math.huge) end
function list.clone(self) return slice(self, 1, math.huge) end

function list.remove(self, position)
  local items, count = raw_items(self)
  if position >= 1 and position <= count then
    table.move(items, position + 1, count + 1, position)
    rawset(self, "count", count - 1)
  end
end

function list.trim(self, position)
  local items, count = raw_items(self)
  for each = math.max(position, 1), count do
    items[each] = nil
  end
  rawset(self, "count", math.min(count, math.max(position, 1) - 1))
end

function list.concat(self, other)
  local items, count = raw_items(other)
  for position = 1, count do
    list.append(self, items[position])
  end
end

function list.merge(self, other)
  local merged = list.clone(self)
  list.concat(merged, other)
  return merged
end

function list.iterator(self)
  local position = 0
  raw_items(self)
  return function()
    position = position + 1
    return rawget(self, "items")[position]
  end
end

local function from_table(values)
  if values == nil or type(values) == "number" then
    return new_list({}, 0)
  end
  return new_list(table.move(values, 1, #values, 1, {}), #values)
end

setmetatable(list, { __call = function(_, values) return from_table(values) end })
list.create, list.new = from_table, from_table

-- Maps: the keys in the order in which they came; a key of bytes is found by what is in it.

local function new_map(flags)
  return setmetatable({ [KEYS] = {}, [ORDER] = {}, [VALUES] = {}, [FLAGS] = flags }, Map)
end

local function identity(key)
  if is(key, Bytes) then
    return "b" .. rawget(key, "data")
  end
  return type(key) == "string" and "s" .. key or key
end

function Map.__index(self, key)
  if key ~= nil then
    return rawget(self, VALUES)[identity(key)]
  end
end

function Map.__newindex(self, key, value)
  local id = identity(key)
  local keys, order, values = rawget(self, KEYS), rawget(self, ORDER), rawget(self, VALUES)
  if values[id] == nil and value ~= nil then
    keys[id] = key
    order[#order + 1] = id
  elseif values[id] ~= nil and value == nil then
    for position = 1, #order do
      if order[position] == id then
        table.remove(order, position)
        break
      end
    end
    keys[id] = nil
  end
  values[id] = value
end

function Map.__len(self)
  return #rawget(self, ORDER)
end

function map.size(self) return #expect(self, Map, "map") end
function map.remove(self, key) expect(self, Map, "map")[key] = nil end

function map.pairs(self)
  local order, keys = rawget(expect(self, Map, "map"), ORDER), rawget(self, KEYS)
  local ids, position = table.move(order, 1, #order, 1, {}), 0
  return function()
    position = position + 1
    local id = ids[position]
    if id ~= nil then
      return keys[id], rawget(self, VALUES)[id]
    end
  end
end

map.iterator, Map.__pairs = map.pairs, map.pairs

function Map.__tostring(self)
  local shown = {}
  for key, value in map.pairs(self) do
    shown[#shown + 1] = tostring(key) .. ":" .. tostring(value)
  end
  return "{" .. table.concat(shown, ", ") .. "}"
end

function map.keys(self)
  local next_pair = map.pairs(self)
  return function() return (next_pair()) end
end

function map.values(self)
  local next_pair = map.pairs(self)
  return function()
    local _, value = next_pair()
    return value
  end
end

function map.clone(self)
  local clone = new_map(rawget(expect(self, Map, "map"), FLAGS))
  for key, value in map.pairs(self) do
    clone[key] = value
  end
  return clone
end

function map.merge(self, other, both)
  local merged = map.clone(self)
  for key, value in map.pairs(other) do
    local known = merged[key]
    merged[key] = known and type(both) == "function" and both(known, value) or value
  end
  return merged
end

function map.diff(self, other)
  local left = new_map()
  for key, value in map.pairs(self) do
    if not other[key] then left[key] = value end
  end
  for key, value in map.pairs(other) do
    if not self[key] then left[key] = value end
  end
  return left
end

local function map_from(values)
  local made = new_map()
  if type(values) == "table" then
    for key, value in pairs(values) do
      made[key] = value
    end
  end
  return made
end

setmetatable(map, { __call = function(_, values) return map_from(values) end })
map.create, map.new = map_from, map_from

-- Bytes, and texts that are GeoJSON or of a type Lua knows nothing of.

local function new_bytes(data, particle)
  return setmetatable({ data = data, particle = particle or 4 }, Bytes)
end

function Bytes.__index(self, position)
  return string.byte(rawget(self, "data"), position)
end

function Bytes.__newindex(self, position, value) bytes.set_byte(self, position, value) end
function Bytes.__len(self) return #rawget(self, "data") end
function Bytes.__eq(self, other) return rawget(self, "data") == rawget(other, "data") end
function Text.__tostring(self) return rawget(self, "text") end

function Bytes.__tostring(self)
  return (rawget(self, "data"):gsub(".", function(char) return ("%02X "):format(char:byte()) end))
end

local function data_of(self) return rawget(expect(self, Bytes, "bytes"), "data") end

local function put(self, position, part)
  local data = data_of(self)
  if position < 1 then
    return false
  end
  data = data .. ("\0"):rep(position - 1 - #data)
  rawset(self, "data", data:sub(1, position - 1) .. part .. data:sub(position + #part))
  return true
end

function bytes.size(self) return #data_of(self) end
function bytes.get_type(self) return rawget(expect(self, Bytes, "bytes"), "particle") end
function bytes.set_type(self, particle) rawset(expect(self, Bytes, "bytes"), "particle", particle) end

function bytes.set_size(self, size)
  rawset(self, "data", data_of(self):sub(1, size) .. ("\0"):rep(size - #data_of(self)))
  return true
end

function bytes.get_string(self, position, size)
  return data_of(self):sub(position, position + size - 1)
end

function bytes.get_bytes(self, position, size)
  return new_bytes(bytes.get_string(self, position, size))
end

function bytes.set_string(self, position, text) return put(self, position, text) end
function bytes.append_string(self, text) return put(self, #data_of(self) + 1, text) end

function bytes.set_bytes(self, position, other, size)
  return put(self, position, data_of(other):sub(1, size))
end

function bytes.append_bytes(self, other, size)
  return put(self, #data_of(self) + 1, data_of(other):sub(1, size))
end

for name, form in pairs({
  byte = "B", int16 = ">i2", int16_be = ">i2", int16_le = "<i2", int32 = ">i4", int32_be = ">i4",
  int32_le = "<i4", int64 = ">i8", int64_be = ">i8", int64_le = "<i8",
}) do
  local size = string.packsize(form)
  bytes["get_" .. name] = function(self, position)
    local data = data_of(self)
    return position >= 1 and position + size - 1 <= #data and unpack(form, data, position) or 0
  end
  bytes["set_" .. name] = function(self, position, value) return put(self, position, pack(form, value)) end
  bytes["append_" .. name] = function(self, value) return put(self, #data_of(self) + 1, pack(form, value)) end
end

local function bytes_of(size) return new_bytes(("\0"):rep(math.type(size) == "integer" and size or 0)) end

setmetatable(bytes, { __call = function(_, size) return bytes_of(size) end })

-- MessagePack: texts carry their type in the first byte, and an extension in front carries the order.

local decode

local function text_value(data)
  local particle, rest = data:byte(1), data:sub(2)
  if particle == 3 then
    return rest
  end
  return particle == 23 and setmetatable({ text = rest }, Text) or new_bytes(rest, particle)
end

local function sized(form, data, position)
  local size
  size, position = unpack(form, data, position)
  return text_value(data:sub(position, position + size - 1)), position + size
end

local function decode_list(data, position, count)
  local items, size, flags = {}, 0, nil
  for _ = 1, count do
    local value, extension
    value, position, extension = decode(data, position)
    if extension then
      flags = extension
    else
      size = size + 1
      items[size] = value
    end
  end
  return new_list(items, size, flags), position
end

local function decode_map(data, position, count)
  local made = new_map()
  for _ = 1, count do
    local key, value, extension
    key, position, extension = decode(data, position)
    value, position = decode(data, position)
    if extension then
      rawset(made, FLAGS, extension)
    elseif key ~= nil then
      made[key] = value
    end
  end
  return made, position
end

local numbers = {
  [0xCC] = "B", [0xCD] = ">I2", [0xCE] = ">I4", [0xCF] = ">I8", [0xD0] = "b", [0xD1] = ">i2",
  [0xD2] = ">i4", [0xD3] = ">i8", [0xCA] = ">f", [0xCB] = ">d",
}
local texts = { [0xC4] = "B", [0xC5] = ">I2", [0xC6] = ">I4", [0xD9] = "B", [0xDA] = ">I2", [0xDB] = ">I4" }
local extensions = { [0xD4] = 1, [0xD5] = 2, [0xD6] = 4, [0xD7] = 8, [0xD8] = 16 }

function decode(data, position)
  local head = data:byte(position)
  position = position + 1
  if head < 0x80 then return head, position end
  if head >= 0xE0 then return head - 256, position end
  if head < 0x90 then return decode_map(data, position, head & 15) end
  if head < 0xA0 then return decode_list(data, position, head & 15) end
  if head < 0xC0 then
    local size = head & 31
    return text_value(data:sub(position, position + size - 1)), position + size
  end
  if head == 0xC0 then return nil, position end
  if head <= 0xC3 then return head == 0xC3, position end
  if numbers[head] then return unpack(numbers[head], data, position) end
  if texts[head] then return sized(texts[head], data, position) end
  if head == 0xC7 then
    return nil, position + 2 + data:byte(position), data:byte(position + 1)
  end
  if extensions[head] then return nil, position + 1 + extensions[head], data:byte(position) end
  local form = head % 2 == 0 and ">I2" or ">I4"
  local count
  count, position = unpack(form, data, position)
  return (head < 0xDE and decode_list or decode_map)(data, position, count)
end

local function integer(value)
  if value >= -32 and value < 128 then return pack("b", value) end
  if value >= 0 then
    if value < 256 then return pack("BB", 0xCC, value) end
    if value < 65536 then return pack(">BI2", 0xCD, value) end
    if value < 1 << 32 then return pack(">BI4", 0xCE, value) end
    return pack(">BI8", 0xCF, value)
  end
  if value >= -128 then return pack("Bb", 0xD0, value) end
  if value >= -32768 then return pack(">Bi2", 0xD1, value) end
  if value >= -(1 << 31) then return pack(">Bi4", 0xD2, value) end
  return pack(">Bi8", 0xD3, value)
end

local function text(data)
  if #data < 32 then return pack("B", 0xA0 | #data) .. data end
  if #data < 256 then return pack("BB", 0xD9, #data) .. data end
  if #data < 65536 then return pack(">BI2", 0xDA, #data) .. data end
  return pack(">BI4", 0xDB, #data) .. data
end

local function head(small, large, count)
  if count < 16 then return pack("B", small | count) end
  return pack(count < 65536 and ">BI2" or ">BI4", count < 65536 and large or large + 1, count)
end

local rank = { boolean = 1, number = 2, string = 3 }

local function before(one, other)
  local first, second = rank[type(one)] or 4, rank[type(other)] or 4
  if first ~= second then return first < second end
  return (first == 2 or first == 3) and one < other
end

local function encode(value)
  local kind = math.type(value) or type(value)
  if value == nil then return "\xC0" end
  if kind == "boolean" then return value and "\xC3" or "\xC2" end
  if kind == "integer" then return integer(value) end
  if kind == "float" then return pack(">Bd", 0xCB, value) end
  if kind == "string" then return text("\3" .. value) end
  if is(value, Bytes) then return text(pack("B", rawget(value, "particle")) .. rawget(value, "data")) end
  if is(value, Text) then return text("\23" .. rawget(value, "text")) end
  local parts, flags = {}, type(value) == "table" and rawget(value, FLAGS)
  if is(value, List) then
    parts[1] = head(0x90, 0xDC, #value + (flags and 1 or 0)) .. (flags and pack("BBB", 0xC7, 0, flags) or "")
    for position = 1, #value do
      parts[#parts + 1] = encode(rawget(value, "items")[position])
    end
  elseif is(value, Map) then
    local keys = {}
    for key in map.pairs(value) do
      keys[#keys + 1] = key
    end
    if flags and flags & 1 == 1 then table.sort(keys, before) end
    parts[1] = head(0x80, 0xDE, #keys + (flags and 1 or 0)) .. (flags and pack("BBBB", 0xC7, 0, flags, 0xC0) or "")
    for _, key in ipairs(keys) do
      parts[#parts + 1] = encode(key)
      parts[#parts + 1] = encode(value[key])
    end
  else
    error("a " .. type(value) .. " cannot be stored", 0)
  end
  return table.concat(parts)
end

-- Bins: a type and bytes.

local function from_bin(particle, data)
  if particle == 1 then return (unpack(">i8", data)) end
  if particle == 2 then return (unpack(">d", data)) end
  if particle == 3 then return data end
  if particle == 17 then return data ~= "\0" end
  if particle == 19 or particle == 20 then return (decode(data, 1)) end
  if particle == 23 then return setmetatable({ text = data:sub(4 + 8 * unpack(">I2", data, 2)) }, Text) end
  return new_bytes(data, particle)
end

local function to_bin(value)
  local kind = math.type(value) or type(value)
  if kind == "integer" then return 1, pack(">i8", value) end
  if kind == "float" then return 2, pack(">d", value) end
  if kind == "string" then return 3, value end
  if kind == "boolean" then return 17, value and "\1" or "\0" end
  if is(value, Bytes) then return rawget(value, "particle"), rawget(value, "data") end
  if is(value, Text) then return 23, "\0\0\0" .. rawget(value, "text") end
  if is(value, Map) then return 19, encode(value) end
  if is(value, List) then return 20, encode(value) end
  return 0, ""
end

return {
  list = list, map = map, bytes = bytes, from_bin = from_bin, to_bin = to_bin, new_bytes = new_bytes,
  clone = function(value)
    if is(value, Map) then return map.clone(value) end
    if is(value, List) then return list.clone(value) end
    return value
  end,
  arguments = function(data)
    if data == "" then return {}, 0 end
    local given = decode(data, 1)
    return rawget(given, "items"), rawget(given, "count")
  end,
}
