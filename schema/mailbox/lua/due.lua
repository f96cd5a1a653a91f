#!lua flags=allow-oom
-- Lists the tracks that can be claimed, the most urgent first. ARGV: n, fill. `fill` says which batch tracks are listed
-- before their deadline. `any`: all. `idle`: all, but only when nothing is due. `one`: a single one, only when nothing is
-- due and batch tracks have rested.
-- Claiming is a separate script, because a script must be given the keys of the tracks that it touches.
local now = clock()
local n, fill = tonumber(ARGV[1]), ARGV[2]
for _, track in ipairs(redis.call('ZRANGE', LEASED, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1000)) do
  redis.call('ZADD', READY, redis.call('ZSCORE', LEASED, track), track)
  redis.call('ZREM', LEASED, track)
end
local tracks = redis.call('ZRANGE', READY, '-inf', now, 'BYSCORE', 'LIMIT', 0, n)
local listed = {}
for _, track in ipairs(tracks) do listed[track] = true end
if fill == 'any' or (#tracks == 0 and (fill == 'idle' or rested_at() <= now)) then
  for _, track in ipairs(redis.call('ZRANGE', FILL, '-inf', now, 'BYSCORE', 'LIMIT', 0, fill == 'one' and 1 or n)) do
    if not listed[track] and #tracks < n then tracks[#tracks + 1] = track end
  end
end
return {rest(now), tracks}
