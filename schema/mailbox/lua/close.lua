#!lua
-- ARGV: track, final_sample (-1: what was received)
local now = clock()
local track, final = ARGV[1], tonumber(ARGV[2])
local received, closed, slack = numbers('received', 'closed', 'slack')
if not received then return {'missing'} end
if closed == 0 then
  if final > received then received = add_entry(received, final - received, 'm', final - received) end
  redis.call('HSET', TRACK, 'closed', 1)
end
-- A leased track stays with its worker: the release notices that the claim did not know about the close. Closing again
-- makes an idle track due once more, and does not shorten the pause before a retry.
if not is_leased(track) then make_due(track, now, slack, closed == 0 and 'LT' or 'NX') end
call_listener(track, now)
return {'ok', received, wake(now)}
