#!lua flags=allow-oom
-- ARGV: track, epoch, lease_ms
local now = clock()
local track = ARGV[1]
local epoch, held = numbers('epoch', 'held')
if epoch ~= tonumber(ARGV[2]) or held == 0 then return 0 end
-- If the lease has ended but nobody took the track, it still belongs to this worker.
redis.call('ZREM', READY, track)
redis.call('ZREM', FILL, track)
redis.call('ZADD', LEASED, now + tonumber(ARGV[3]), track)
return 1
