-- The GCRA as the peers' crates keep it: one key, whole microseconds.
-- ARGV: microseconds in which a cell comes back, the burst, the cost.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
if tat < now then tat = now end
local new = tat + cost * interval
local wait = new - burst * interval - now
if wait > 0 then
  return {0, 0, wait}
end
redis.call('SET', KEYS[1], string.format('%d', new), 'PX', math.ceil((new - now) / 1000))
return {1, math.floor(-wait / interval), 0}
