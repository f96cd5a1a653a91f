#!lua flags=allow-oom
-- ARGV: track, epoch, committed_sample, keep_sample, seen_sample, delay_ms, rest_ms, retry, state
local now = clock()
local track, seen, retry = ARGV[1], tonumber(ARGV[5]), ARGV[8] == '1'
local epoch, held, closed, seen_closed, slack = numbers('epoch', 'held', 'closed', 'seen_closed', 'slack')
local flushed, seen_flushed = numbers('flushed', 'seen_flushed')
if epoch ~= tonumber(ARGV[2]) then return 0 end
if held == 0 then return 1 end

local committed, received = advance(tonumber(ARGV[3]))
redis.call('HSET', TRACK, 'keep', ARGV[4])
trim()
local not_before = now + tonumber(ARGV[6])
redis.call('HSET', TRACK, 'held', 0, 'not_before', not_before, 'state', ARGV[9])
if not retry then redis.call('HSET', TRACK, 'attempts', 0) end
if slack > 0 then redis.call('HSET', SHARD, 'rested', now + tonumber(ARGV[7])) end

for _, key in ipairs({READY, FILL, LEASED}) do redis.call('ZREM', key, track) end
local news_of_close = closed == 1 and seen_closed == 0
-- A step that saw all flushed audio has answered, even if it keeps the last word, which the end of the audio may cut.
local awaited = flushed == received and seen_flushed ~= flushed and committed < received
if (news_of_close or awaited) and not retry then not_before = now end
if retry or news_of_close or awaited or received > seen or (closed == 1 and committed < received) then
  make_due(track, not_before, slack, 'NX')
end
return 1
