#!lua
-- ARGV: track, first_sample, pcm, smallest_entry_samples, fewest_entries
local now = clock()
local track, first, pcm = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local received, committed, limit, closed, not_before, slack, heard =
  numbers('received', 'committed', 'limit', 'closed', 'not_before', 'slack', 'heard')
if not received then return {'missing'} end
local fresh = first + #pcm / 2 - received
if fresh <= 0 then return {'ok', received, 0} end
if closed == 1 then return {'closed', received} end
if first > received then return {'gap', received} end

-- An empty mailbox accepts any piece, so no limit can make a producer wait forever.
local pending = received - (heard and slack > 0 and math.min(committed, heard) or committed)
local entries_limit = math.max(limit / tonumber(ARGV[4]), tonumber(ARGV[5]))
if heard and slack == 0 then make_room(received + fresh, limit, entries_limit) end
if pending > 0 and (pending + fresh > limit or redis.call('XLEN', STREAM) >= entries_limit) then
  return {'full', received, math.max(0, pending + fresh - limit)}
end
received = add_entry(received, fresh, 'p', string.sub(pcm, -fresh * 2))
if not is_leased(track) then make_due(track, math.max(now, not_before), slack, 'NX') end
if heard then call_listener(track, now) end
return {'ok', received, wake(now)}
