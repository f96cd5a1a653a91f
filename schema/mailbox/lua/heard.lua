#!lua flags=allow-oom
-- A listener gives a track back. ARGV: track, hear_epoch, heard, hear_from, hear_at, delay_ms, retry
local now = clock()
local track, retry = ARGV[1], ARGV[7] == '1'
local known, epoch = numbers('heard', 'hear_epoch')
if not known or epoch ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', TRACK, 'heard', math.max(known, tonumber(ARGV[3])), 'hear_from', ARGV[4], 'hear_at', ARGV[5])
if not retry then redis.call('HSET', TRACK, 'hear_attempts', 0) end
redis.call('ZREM', VOICES, track)
trim()
call_listener(track, now + tonumber(ARGV[6]))
return 1
