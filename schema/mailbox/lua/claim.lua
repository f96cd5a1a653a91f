#!lua flags=allow-oom
-- KEYS: the shard's four, then the hash of each candidate. ARGV: worker, n, lease_ms, epoch_step, fill,
-- candidate...
local now = clock()
local worker, n, lease_ms, epoch_step = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local one = ARGV[5] == 'one'

local function take(track, key, waited_ms)
  local names = {'epoch', 'committed', 'received', 'closed', 'kind', 'state', 'flushed'}
  local values = redis.call('HMGET', key, unpack(names))
  if not values[1] then return nil end
  local epoch = values[1] + epoch_step
  local flushed = tonumber(values[7] or 0)
  redis.call('HSET', key, 'epoch', epoch, 'held', 1, 'seen_closed', values[4], 'seen_flushed', flushed, 'worker', worker)
  local attempts = redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('ZADD', LEASED, now + lease_ms, track)
  -- The release decides when the other batch tracks continue. A worker that dies holds them up only for its own lease.
  if one and values[5] == 'batch' then redis.call('HSET', SHARD, 'rested', now + lease_ms) end
  return {track, epoch, tonumber(values[2]), tonumber(values[3]), tonumber(values[4]), values[5], values[6] or '',
    attempts, waited_ms, flushed}
end

local claims = {}
for i = 1, #KEYS - 4 do
  if #claims == n then break end
  local track = ARGV[5 + i]
  local due, fill = redis.call('ZSCORE', READY, track), redis.call('ZSCORE', FILL, track)
  local since = math.min(tonumber(due or now + 1), tonumber(fill or now + 1))
  if since <= now then
    redis.call('ZREM', READY, track)
    redis.call('ZREM', FILL, track)
    claims[#claims + 1] = take(track, KEYS[4 + i], now - since)
  end
end
return {rest(now), claims}
