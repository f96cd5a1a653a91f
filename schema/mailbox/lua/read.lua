#!lua flags=no-writes
-- ARGV: track, from_sample, limit_samples
local PAGE = 32
local from = tonumber(ARGV[2])
local received = numbers('received')
if not received then return {'missing'} end
local stop = math.min(received, from + tonumber(ARGV[3]))

local spans, at = {}, from
while at < stop do
  local entries = redis.call('XRANGE', STREAM, string.format('(%d-0', at), '+', 'COUNT', PAGE)
  if #entries == 0 then return {'trimmed', received} end
  for _, entry in ipairs(entries) do
    local last = tonumber(string.match(entry[1], '^%d+'))
    local pcm = entry[2][1] == 'p' and entry[2][2]
    local first = last - (pcm and #pcm / 2 or tonumber(entry[2][2]))
    if first > at then return {'trimmed', first} end
    local finish = math.min(last, stop)
    spans[#spans + 1] = {at, finish, pcm and string.sub(pcm, (at - first) * 2 + 1, (finish - first) * 2)}
    at = finish
    if at == stop then break end
  end
end
return {'ok', spans}
