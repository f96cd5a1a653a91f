#!lua flags=allow-oom
-- ARGV: track
local committed, received = numbers('committed', 'received')
if received then redis.call('HINCRBY', SHARD, 'pending', committed - received) end
for _, key in ipairs({READY, FILL, LEASED, VOICES}) do redis.call('ZREM', key, ARGV[1]) end
return redis.call('DEL', TRACK, STREAM)
