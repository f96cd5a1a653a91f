#!lua
-- ARGV: track, committed, epoch, epoch_step, kind, slack_ms, limit_samples, heard (-1: there is no listener), hear_epoch
local now = clock()
local track, committed = ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', TRACK) == 0 then
  -- Start one step above SQL's epoch, which the worker that committed it may still hold.
  local epoch = tonumber(ARGV[3]) + tonumber(ARGV[4])
  redis.call('HSET', TRACK, 'kind', ARGV[5], 'slack', ARGV[6], 'limit', ARGV[7], 'committed', committed,
    'received', committed, 'closed', 0, 'seen_closed', 0, 'epoch', epoch, 'held', 0, 'attempts', 0, 'not_before', 0)
else
  redis.call('HSET', TRACK, 'slack', ARGV[6])
  advance(committed)
end
local heard = tonumber(ARGV[8])
local known = numbers('heard')
if heard >= 0 and heard > (known or -1) then
  redis.call('HSET', TRACK, 'heard', heard, 'hear_at', 0)
  if not known then
    redis.call('HSET', TRACK, 'hear_from', 0, 'hear_epoch', tonumber(ARGV[9]) + tonumber(ARGV[4]), 'hear_attempts', 0)
  end
  call_listener(track, now)
end
return status(track, now)
