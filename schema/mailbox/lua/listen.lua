#!lua flags=allow-oom
-- Lends a track to a listener. ARGV: track, lease_ms, epoch_step
local now = clock()
local track = ARGV[1]
local due = redis.call('ZSCORE', VOICES, track)
if not due or tonumber(due) > now then return {'taken'} end
local heard, epoch, received, closed, slack = numbers('heard', 'hear_epoch', 'received', 'closed', 'slack')
if not heard then
  redis.call('ZREM', VOICES, track)
  return {'taken'}
end
epoch = epoch + tonumber(ARGV[3])
redis.call('HSET', TRACK, 'hear_epoch', epoch)
redis.call('ZADD', VOICES, now + tonumber(ARGV[2]), track)
return {'ok', epoch, heard, received, closed, slack > 0 and 1 or 0, redis.call('HINCRBY', TRACK, 'hear_attempts', 1)}
