-- Says that a node is alive and counts those that are.
-- KEYS[1]: the set. ARGV: this node, after how many ms without a word a node is gone.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local gone = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now - gone))
redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
redis.call('PEXPIRE', KEYS[1], string.format('%d', gone))
return redis.call('ZCARD', KEYS[1])
