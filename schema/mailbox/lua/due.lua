#!lua flags=allow-oom
-- Which tracks could be claimed, the most urgent first. ARGV: n, fill (0: batch ones before their deadline only when
-- nothing is due)
-- Claiming is a second script, since a script must be given the keys of the tracks that it touches.
local now = clock()
local n = tonumber(ARGV[1])
for _, track in ipairs(redis.call('ZRANGE', LEASED, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000)) do
  redis.call('ZADD', READY, redis.call('ZSCORE', LEASED, track), track)
  redis.call('ZREM', LEASED, track)
end
local tracks = redis.call('ZRANGE', READY, '-inf', now, 'BYSCORE', 'LIMIT', 0, n)
local listed = {}
for _, track in ipairs(tracks) do listed[track] = true end
if ARGV[2] == '1' or #tracks == 0 then
  for _, track in ipairs(redis.call('ZRANGE', FILL, '-inf', now, 'BYSCORE', 'LIMIT', 0, n)) do
    if not listed[track] and #tracks < n then tracks[#tracks + 1] = track end
  end
end
return {rest(now), tracks}
