#!lua flags=allow-oom
-- Nobody listens to this track any more. ARGV: track
redis.call('ZREM', VOICES, ARGV[1])
if redis.call('HDEL', TRACK, 'heard', 'hear_from', 'hear_at', 'hear_epoch', 'hear_attempts') > 0 then trim() end
return 1
