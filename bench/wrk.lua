-- Counts what wrk's own counter misses: it takes a redirect for a success.
-- One line of figures at the end, for the program that started wrk.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   others = 0 -- answers that were not 2xx
end

function response(status)
   if status < 200 or status > 299 then
      others = others + 1
   end
end

function done(summary, latency, requests)
   local others = 0
   for _, thread in ipairs(threads) do
      others = others + thread:get("others")
   end
   local e = summary.errors
   print(string.format("figures requests=%d microseconds=%d not_2xx=%d broken=%d p50=%d p99=%d",
      summary.requests, summary.duration, others, e.connect + e.read + e.write + e.timeout,
      latency:percentile(50), latency:percentile(99)))
end
