-- Modules, the functions in them, and what they may reach: the record, or the stream of records.
-- Called with the values and a clock; returns what the node calls.

local values, clock = ...
local real_load, sethook = load, debug.sethook
local real_pcall, real_xpcall = pcall, xpcall
local OK, ALREADY, CLOSED = 0, 1, -2
local modules, loaded = {}, {}
local deadline, over = 0, false

-- Time: a function that takes too long is ended, and cannot catch that.

local function tick()
  if over or clock() > deadline then
    over = true
    error("UDF Execution Timeout", 0)
  end
end

local function caught(...)
  if over then tick() end
  return ...
end

-- The record.

local Record, record = { __name = "Record" }, {}
local aerospike = {}
local state = setmetatable({}, { __mode = "k" })

local function of(self)
  return state[self] or error("expected a record, got " .. type(self), 3)
end

local function new_record(meta, bins, names)
  local self = setmetatable({}, Record)
  state[self] = { meta = meta, raw = bins, names = names, read = {}, dirty = {}, set = {}, exists = meta.exists }
  return self
end

function Record.__index(self, name)
  local own = of(self)
  local bin = own.raw[name]
  if own.read[name] == nil and not own.dirty[name] and bin then
    own.read[name] = values.from_bin(bin[1], bin[2])
  end
  return own.read[name]
end

function Record.__newindex(self, name, value)
  local own = of(self)
  if not own.dirty[name] then
    own.set[#own.set + 1] = name
  end
  own.read[name], own.dirty[name] = value, true
end

local function flush(own)
  for _, name in ipairs(own.set) do
    if #name > 15 then
      return -1
    end
  end
  for _, name in ipairs(own.set) do
    local particle, data = values.to_bin(own.read[name])
    if not own.raw[name] then
      own.names[#own.names + 1] = name
    end
    own.raw[name] = particle ~= 0 and { particle, data } or nil
    own.changed = true
  end
  own.changed = own.changed or own.new_ttl ~= nil
  own.dirty, own.read, own.set = {}, {}, {}
  return OK
end

function aerospike.exists(_, self) return of(self).exists end
function aerospike.log() end

function aerospike.create(_, self)
  local own = of(self)
  if own.exists then
    return ALREADY
  end
  own.exists, own.changed = true, true
  return flush(own)
end

function aerospike.update(_, self)
  local own = of(self)
  return own.exists and flush(own) or CLOSED
end

function aerospike.remove(_, self)
  local own = of(self)
  if not own.exists then
    return ALREADY
  end
  own.exists, own.changed, own.raw, own.names = false, true, {}, {}
  own.dirty, own.read, own.set = {}, {}, {}
  return OK
end

function record.gen(self)
  local own = of(self)
  return own.exists and own.meta.generation + (own.changed and 1 or 0) or 0
end

function record.ttl(self) return of(self).meta.ttl end
function record.last_update_time(self) return of(self).meta.last_update_ms end
function record.setname(self) return of(self).meta.set_name end
function record.digest(self) return values.new_bytes(of(self).meta.digest) end
function record.record_size(self) return of(self).meta.size end
function record.set_ttl(self, ttl) of(self).new_ttl = ttl end
function record.drop_key(self) of(self).drop_key = true end
record.device_size, record.memory_size = record.record_size, record.record_size

function record.key(self)
  local key = of(self).meta.key
  return key and values.from_bin(key[1], key[2])
end

function record.bin_names(self)
  local names = {}
  for name in pairs(of(self).raw) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

function record.numbins(self) return #record.bin_names(self) end

-- Streams: steps that pull one value after the other. A node takes all up to the first reduce.

local Stream = {}
Stream.__index = Stream

local function step(self, reduces, start)
  if not self.full then
    self.steps[#self.steps + 1] = start
    self.full = reduces
  end
  return self
end

function Stream.filter(self, keep)
  return step(self, false, function(pull)
    return function()
      for value in pull do
        if keep(value) then return value end
      end
    end
  end)
end

function Stream.map(self, change)
  return step(self, false, function(pull)
    return function()
      local value = pull()
      if value ~= nil then return change(value) end
    end
  end)
end

local function once(compute)
  local done = false
  return function()
    if not done then
      done = true
      return compute()
    end
  end
end

function Stream.aggregate(self, first, add)
  return step(self, false, function(pull)
    return once(function()
      local total = values.clone(first)
      for value in pull do
        total = add(total, value)
      end
      return total
    end)
  end)
end

function Stream.reduce(self, join)
  return step(self, true, function(pull)
    return once(function()
      local total = pull()
      if total ~= nil then
        for value in pull do
          total = join(total, value)
        end
      end
      return total
    end)
  end)
end

function Stream.groupby(self, key_of)
  local function add(groups, value)
    local key = key_of and key_of(value)
    local group = groups[key] or values.list()
    values.list.append(group, value)
    groups[key] = group
    return groups
  end
  return self:aggregate(values.map(), add):reduce(function(one, other)
    return values.map.merge(one, other, values.list.merge)
  end)
end

-- Modules: each has its own globals, and reaches no files, processes or the interpreter's inside.

local function copy(library)
  local result = {}
  for name, value in pairs(library) do
    result[name] = value
  end
  return result
end

local load_module

local function environment()
  local env = {
    record = record, list = values.list, map = values.map, bytes = values.bytes, aerospike = aerospike,
    trace = aerospike.log, debug = aerospike.log, info = aerospike.log, warn = aerospike.log,
    print = aerospike.log, error = error, assert = assert, getmetatable = getmetatable,
    setmetatable = setmetatable, ipairs = ipairs, pairs = pairs, next = next, rawequal = rawequal,
    rawget = rawget, rawset = rawset, rawlen = rawlen, select = select, tonumber = tonumber,
    tostring = tostring, type = type, unpack = table.unpack, math = copy(math), table = copy(table),
    string = copy(string), utf8 = copy(utf8),
    pcall = function(...) return caught(real_pcall(...)) end,
    xpcall = function(...) return caught(real_xpcall(...)) end,
  }
  env.math.sum = function(one, other) return one + other end
  env.math.product = function(one, other) return one * other end
  env.string.dump = nil
  env._G = env
  env.load = function(chunk, name, _, own) return real_load(chunk, name, "t", own or env) end
  env.require = function(name)
    local found = load_module(name)
    return found and found.result or error("module '" .. name .. "' not found", 2)
  end
  return env
end

function load_module(name)
  local text = modules[name]
  local known = loaded[name]
  if known or not text then
    return known
  end
  local env = environment()
  local chunk = real_load(text, "@udf/" .. name .. ".lua", "t", env)
  if chunk then
    known = { env = env, result = true }
    loaded[name] = known
    local worked, result = real_pcall(chunk, name)
    if not worked then
      loaded[name] = nil
      return nil
    end
    known.result = result == nil and true or result
    return known
  end
end

local function call(package, name, limit_s, ...)
  deadline, over = clock() + limit_s, false
  sethook(tick, "", 10000)
  local arguments = table.pack(...)
  local worked, result = real_pcall(function()
    local module = load_module(package)
    if not module then
      error("UDF: Execution Error 1", 0)
    end
    local func = module.env[name]
    if type(func) ~= "function" then
      error("function not found", 0)
    end
    return func(table.unpack(arguments, 1, arguments.n))
  end)
  return worked, result
end

local function failure(message)
  sethook()
  return false, 3, type(message) == "table" and "(error object is a table value)" or tostring(message)
end

-- What the node calls.

local function sequence()
  local makers, position = {}, 0
  return function(make) makers[#makers + 1] = make end,
    function()
      position = position + 1
      return makers[position] and makers[position]()
    end
end

local function define(name, text)
  modules[name], loaded = text, {}
end

local function check(name, text)
  local chunk, message = real_load(text, "@" .. name, "t", {})
  if not chunk then
    return message
  end
end

local function begin(exists, generation, ttl, last_update_ms, set_name, digest, size, key_type, key)
  local meta = {
    exists = exists, generation = generation, ttl = ttl, last_update_ms = last_update_ms,
    set_name = set_name, digest = digest, size = size, key = key_type and { key_type, key },
  }
  local bins, names = {}, {}
  return function(name, particle, data)
      bins[name], names[#names + 1] = { particle, data }, name
    end,
    function() return new_record(meta, bins, names) end
end

local function apply(package, name, arguments, limit_s, make)
  local given, count = values.arguments(arguments)
  local self = make()
  local worked, result = call(package, name, limit_s, self, table.unpack(given, 1, count))
  if not worked then
    return failure(result)
  end
  local encoded, particle, data = real_pcall(values.to_bin, result)
  sethook()
  if not encoded then
    return failure(particle)
  end
  local own = state[self]
  local bins = {}
  for _, each in ipairs(own.names) do
    local bin = own.raw[each]
    own.raw[each] = nil -- a name that was removed and came again is there twice
    if bin then
      bins[#bins + 1] = each
      bins[#bins + 1] = bin[1]
      bins[#bins + 1] = bin[2]
    end
  end
  return true, particle, data, own.changed or false, own.exists, own.new_ttl, own.drop_key or false,
    table.unpack(bins)
end

local function aggregate(package, name, arguments, limit_s, pull)
  local given, count = values.arguments(arguments)
  local out = {}
  local stream = setmetatable({ steps = {} }, Stream)
  local worked, result = call(package, name, limit_s, stream, table.unpack(given, 1, count))
  if worked then
    worked, result = real_pcall(function()
      local source = pull
      for _, start in ipairs(result.steps) do
        source = start(source)
      end
      for value in source do
        local particle, data = values.to_bin(value)
        out[#out + 1] = particle
        out[#out + 1] = data
      end
    end)
  end
  if not worked then
    return failure(result)
  end
  sethook()
  return true, table.unpack(out)
end

return define, check, begin, sequence, apply, aggregate
