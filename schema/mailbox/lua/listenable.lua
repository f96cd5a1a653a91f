#!lua flags=allow-oom
-- Lists the tracks that the listener may read, the one that has waited longest first. KEYS: the shard's five. ARGV: n
local now = clock()
return redis.call('ZRANGE', KEYS[5], '-inf', now, 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[1]))
