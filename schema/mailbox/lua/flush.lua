#!lua
-- Somebody waits for the text of all audio that was received. ARGV: track
local now = clock()
local track = ARGV[1]
local received, committed, slack, flushed = numbers('received', 'committed', 'slack', 'flushed')
if not received then return {'missing'} end
redis.call('HSET', TRACK, 'flushed', received)
-- Flushing the same audio again does not shorten the pause before a retry.
if committed < received and not is_leased(track) then make_due(track, now, slack, flushed == received and 'NX' or 'LT') end
return {'ok', received, wake(now)}
