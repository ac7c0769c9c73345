-- Decides a batch of calls in one step, by the server's own time.
-- KEYS: the keys of all calls, one after the other.
-- ARGV[1]: the calls, packed little-endian. Each is a byte of its kind and one
-- of how many keys it has, then three doubles a key: interval and limit in ns, cells.
-- Answers the time (seconds, ns), then for each call what was granted and the
-- backlog of each of its keys. All numbers are whole and below 2^53: exact.
local time = redis.call('TIME')
local s0, n0 = tonumber(time[1]), tonumber(time[2]) * 1000
local unpack, pack, floor = struct.unpack, struct.pack, math.floor
local calls, at, key = ARGV[1], 1, 0
local ahead, changed = {}, {}
local out, last = {s0, n0}, 2
local T, L, C, X = {}, {}, {}, {}

-- ns until a key's theoretical arrival time. What is no state of ours is none.
local function look(name)
  local x = ahead[name]
  if x then return x end
  x = 0
  local state = redis.pcall('GET', name)
  if type(state) == 'string' and #state == 8 then
    local s, n = unpack('>I4I4', state)
    x = (s - s0) * 1e9 + (n - n0)
    if x < 0 then x = 0 end
  end
  ahead[name] = x
  return x
end

while at <= #calls do
  local kind, keys
  kind, keys, at = unpack('<BB', calls, at)
  local granted = 1
  for i = 1, keys do
    local interval, limit, cells
    interval, limit, cells, at = unpack('<ddd', calls, at)
    local x = look(KEYS[key + i])
    if x > limit then x = limit end
    if kind == 1 then
      -- As many as fit.
      local fit = floor((limit - x) / interval)
      if fit < cells then granted = fit else granted = cells end
    elseif kind == 0 and cells * interval > limit - x then
      granted = 0
    end
    T[i], L[i], C[i], X[i] = interval, limit, cells, x
  end
  last = last + 1
  out[last] = granted
  for i = 1, keys do
    local name, x = KEYS[key + i], X[i]
    if granted ~= 0 then
      if kind == 1 then x = x + granted * T[i] else x = x + C[i] * T[i] end
      -- A debit that must be, or a credit: within what a key can hold.
      if x > L[i] then x = L[i] elseif x < 0 then x = 0 end
    end
    if C[i] ~= 0 and x ~= ahead[name] and (granted ~= 0 or x < ahead[name]) then
      ahead[name] = x
      changed[name] = true
    end
    last = last + 1
    out[last] = x
  end
  key = key + keys
end

for name in pairs(changed) do
  local x = ahead[name]
  if x > 0 then
    local n = n0 + x
    local s = floor(n / 1e9)
    redis.call('SET', name, pack('>I4I4', s0 + s, n - s * 1e9),
      'PX', string.format('%d', math.ceil(x / 1e6) + 1))
  else
    redis.call('DEL', name)
  end
end
return out
