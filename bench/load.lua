-- Load for wrk: payments or history pages of many wallets, every payment with an id of its own.
-- Requests are put together by hand: wrk.format costs the load generator as much as an answer costs a server.
-- arguments: pay|page FILE BASE [payee PAYEE] [delay MS] [providers "ID ID"]; FILE holds lines "wallet token"

local wallets, tokens, heads = {}, {}, {}
local mode, base, payee, pause = "pay", "", nil, 0
local providers = { "99" }
local count = 0

function init(args)
  mode, base = args[1], args[3]
  for i = 4, #args, 2 do
    if args[i] == "payee" then payee = args[i + 1] end
    if args[i] == "delay" then pause = tonumber(args[i + 1]) end
    if args[i] == "providers" then
      providers = {}
      for id in args[i + 1]:gmatch("%d+") do providers[#providers + 1] = id end
    end
  end
  for line in io.lines(args[2]) do
    local wallet, token = line:match("(%d+) (%S+)")
    wallets[#wallets + 1], tokens[#tokens + 1] = wallet, token
    heads[#heads + 1] = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nAuthorization: Bearer " .. token ..
      "\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
  end
  math.randomseed(tonumber(base) % 2147483647)
end

-- Each connection waits its own random time, so that they do not march in step.
function delay() return pause > 0 and math.random(0, 2 * pause) or 0 end

function request()
  local from = math.random(#wallets)
  if mode == "page" then
    return "GET /payment-history/v2/persons/" .. wallets[from] .. "/payments?rows=10" .. heads[from] .. "\r\n"
  end
  count = count + 1
  local to = payee
  if to == nil then
    local index = math.random(#wallets)
    if index == from then index = from % #wallets + 1 end
    to = wallets[index]
  elseif to == wallets[from] then
    from = from % #wallets + 1
  end
  local body = '{"id":"' .. base .. count .. '","sum":{"amount":1.5,"currency":"643"},"paymentMethod":' ..
    '{"type":"Account","accountId":"643"},"comment":"bench","fields":{"account":"+' .. to .. '"}}'
  return "POST /sinap/api/v2/terms/" .. providers[math.random(#providers)] .. "/payments" .. heads[from] ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency, requests)
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.4f,"bad":%d,"socket":%d,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
