-- This text is put between the first line and the body of every script. A shard has five keys, and a track two more.
-- Scripts about a track get all of them, scripts about a shard only those that they use:
--   shard   hash    clock (ms), offset (ms), woken (ms), pending (samples), rested (ms: when batch tracks have rested)
--   ready   zset    waiting track -> when it is due (ms)
--   fill    zset    waiting batch track -> from when it may fill a free place (ms)
--   leased  zset    claimed track -> end of its lease (ms)
--   voices  zset    track -> when the listener, who tells speakers apart, may read it (ms); during a lease, its end
--   track   hash    kind slack limit committed received flushed seen_flushed closed seen_closed epoch held attempts
--                   not_before worker state keep (samples: what transcription still reads), and if there is a listener:
--                   heard (samples: how far it is), hear_from (what it still reads), hear_at (how much audio it needs
--                   next), hear_epoch, hear_attempts
--   stream  stream  id = end of the entry in samples; field p = PCM16, or m = number of samples missing
local SHARD, READY, FILL, LEASED, TRACK, STREAM = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local VOICES = KEYS[7]
local WAKE_INTERVAL_MS = 1000

-- The only clock: the server's time, kept from running backwards. After a jump back it continues from the last time that
-- a script noted, so the jump makes no lease and no pause longer.
local function read_clock()
  local time = redis.call('TIME')
  local noted = redis.call('HMGET', SHARD, 'clock', 'offset')
  local last, offset = tonumber(noted[1] or 0), tonumber(noted[2] or 0)
  return time[1] * 1000 + math.floor(time[2] / 1000) + offset, last, offset
end

local function clock()
  local now, last, offset = read_clock()
  if now < last then
    redis.call('HSET', SHARD, 'offset', offset + last - now)
    return last
  end
  redis.call('HSET', SHARD, 'clock', now)
  return now
end

local function numbers(...)
  local values = redis.call('HMGET', TRACK, ...)
  for i = 1, #values do values[i] = values[i] and tonumber(values[i]) end
  return unpack(values)
end

local function rested_at()
  return tonumber(redis.call('HGET', SHARD, 'rested') or 0)
end

-- When the first waiting or abandoned track is due (ms); nil when none waits.
local function next_due()
  local first
  for key, earliest in pairs({[READY] = 0, [FILL] = rested_at()}) do
    local head = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    local at = head[2] and math.max(tonumber(head[2]), earliest)
    if at and (not first or at < first) then first = at end
  end
  return first
end

local function something_due(now)
  local first = next_due()
  if first and first <= now then return true end
  local lease = redis.call('ZRANGE', LEASED, 0, 0, 'WITHSCORES')
  return lease[2] ~= nil and tonumber(lease[2]) <= now
end

-- Returns 1 if the caller must wake a worker.
local function wake(now)
  local woken = tonumber(redis.call('HGET', SHARD, 'woken') or 0)
  if now < woken + WAKE_INTERVAL_MS or not something_due(now) then return 0 end
  redis.call('HSET', SHARD, 'woken', now)
  return 1
end

-- Describes the rest of the shard for a claim: ms until the next waiting track is due (-1: none waits), whether one is due
-- now, and how many live tracks wait. When nothing is due, the next audio that makes a track due wakes a worker at once.
local function rest(now)
  local first = next_due()
  if not (first and first <= now) then redis.call('HDEL', SHARD, 'woken') end
  local live = redis.call('ZCARD', READY) - redis.call('ZCARD', FILL)
  return {first and math.max(0, first - now) or -1, first and first <= now and 1 or 0, live}
end

-- Put a track into the ready set. `how` is NX (leave it where it is) or LT (only ever earlier).
local function make_due(track, at, slack, how)
  redis.call('ZADD', READY, how, at + slack, track)
  if slack > 0 then redis.call('ZADD', FILL, how, at, track) end
end

local function is_leased(track)
  return redis.call('ZSCORE', LEASED, track) ~= false
end

local function add_entry(received, samples, field, value)
  redis.call('XADD', STREAM, string.format('%d-0', received + samples), field, value)
  redis.call('HSET', TRACK, 'received', received + samples)
  redis.call('HINCRBY', SHARD, 'pending', samples)
  return received + samples
end

-- The listener may read the track when enough audio has come, or its end. It reads in steps of its own, and nobody waits
-- for it except the producer of a file.
local function call_listener(track, now)
  local heard, hear_at, received, closed = numbers('heard', 'hear_at', 'received', 'closed')
  if heard and (received >= hear_at or (closed == 1 and received > heard)) then
    redis.call('ZADD', VOICES, 'NX', now, track)
  end
end

-- Delete the audio that nobody reads any more. A listener of a live track who is behind keeps at most a third of what the
-- mailbox may hold. A file waits for its listener, so that limit is never passed there.
local function trim()
  local keep, from, limit, slack = numbers('keep', 'hear_from', 'limit', 'slack')
  local first = keep or 0
  if from and from < first then first = slack > 0 and from or math.max(from, first - math.floor(limit / 3)) end
  redis.call('XTRIM', STREAM, 'MINID', string.format('%d-0', first + 1))
end

-- A listener of a live track never makes a producer wait: it loses what does not fit beside the audio to come.
local function make_room(received, limit, entries_limit)
  local keep, committed = numbers('keep', 'committed')
  local first = math.min(keep or committed, received - limit)
  if redis.call('XLEN', STREAM) >= entries_limit then first = keep or committed end
  if first > 0 then redis.call('XTRIM', STREAM, 'MINID', string.format('%d-0', first + 1)) end
end

-- Records that the database has committed up to `target`; this never goes back. If `target` is beyond what was received,
-- the server lost audio that a worker had already committed. The rest of the stream would have a hole, so it is deleted.
local function advance(target)
  local committed, received = numbers('committed', 'received')
  if target <= committed then return committed, received end
  redis.call('HINCRBY', SHARD, 'pending', committed - math.min(target, received))
  redis.call('HSET', TRACK, 'committed', target)
  if target > received then
    redis.call('XTRIM', STREAM, 'MAXLEN', 0)
    redis.call('HSET', TRACK, 'received', target)
    received = target
  end
  return target, received
end

local function status(track, now)
  local names = {'committed', 'received', 'closed', 'kind', 'epoch', 'attempts', 'limit', 'worker'}
  local values = redis.call('HMGET', TRACK, unpack(names))
  if not values[2] then return {'missing'} end
  local due, lease = redis.call('ZSCORE', READY, track), redis.call('ZSCORE', LEASED, track)
  local reply = {'ok', due and math.max(0, due - now) or -1, lease and math.max(0, lease - now) or -1}
  for i = 1, #names do reply[#reply + 1] = values[i] or '' end
  return reply
end
