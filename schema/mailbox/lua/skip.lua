#!lua
-- ARGV: track, to_sample, smallest_entry_samples, fewest_entries
local now = clock()
local track, target = ARGV[1], tonumber(ARGV[2])
local received, committed, limit, closed, not_before, slack, heard =
  numbers('received', 'committed', 'limit', 'closed', 'not_before', 'slack', 'heard')
if not received then return {'missing'} end
if target <= received then return {'ok', received, 0} end
if closed == 1 then return {'closed', received} end
local entries_limit = math.max(limit / tonumber(ARGV[3]), tonumber(ARGV[4]))
if heard and slack == 0 then make_room(target, limit, entries_limit) end
if received > committed and redis.call('XLEN', STREAM) >= entries_limit then return {'full', received, 0} end
received = add_entry(received, target - received, 'm', target - received)
if not is_leased(track) then make_due(track, math.max(now, not_before), slack, 'NX') end
if heard then call_listener(track, now) end
return {'ok', received, wake(now)}
