#!lua
-- ARGV: track, committed, epoch, kind, slack_ms, limit_samples
local now = clock()
local track, committed, epoch = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', TRACK) == 0 then
  redis.call('HSET', TRACK, 'kind', ARGV[4], 'slack', ARGV[5], 'limit', ARGV[6], 'committed', committed,
    'received', committed, 'closed', 0, 'seen_closed', 0, 'epoch', epoch, 'held', 0, 'attempts', 0, 'not_before', 0)
else
  advance(committed)
  if epoch > numbers('epoch') then redis.call('HSET', TRACK, 'epoch', epoch) end
end
return status(track, now)
