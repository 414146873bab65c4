-- Small orders for wrk, each with its own Idempotency-Key: see BENCHMARKS.md.

local threads = 0

function setup(thread)
   thread:set("id", threads)
   threads = threads + 1
end

function init()
   run = os.time()
   number = 0
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
   wrk.body = '{"customer_id":"17850","currency":"GBP","lines":[' ..
      '{"sku":"85123A","quantity":1,"unit_price":255},' ..
      '{"sku":"71053","quantity":1,"unit_price":339},' ..
      '{"sku":"84406B","quantity":1,"unit_price":275}],' ..
      '"expected_total":869,"payment":{"token":"tok_visa"}}'
end

function request()
   number = number + 1
   wrk.headers["Idempotency-Key"] = string.format("wrk-%d-%d-%d", run, id, number)
   return wrk.format(nil, "/v1/orders")
end
