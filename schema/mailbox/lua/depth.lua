#!lua flags=no-writes
local now, last = read_clock()
now = math.max(now, last)
local abandoned = redis.call('ZCOUNT', LEASED, '-inf', now)
return {
  redis.call('ZCARD', READY) + abandoned,
  redis.call('ZCOUNT', READY, '-inf', now) + abandoned,
  redis.call('ZCARD', LEASED) - abandoned,
  tonumber(redis.call('HGET', SHARD, 'pending') or 0),
}
