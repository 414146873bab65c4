// A client whose types are generated from /openapi.json: places an order, repeats it, follows it, and cancels another.
// Arguments: the edge's URL, a SKU and its price.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Status = components["schemas"]["StatusName"];

const [edge, sku, price] = process.argv.slice(2);
if (!edge || !sku || !price) throw new Error("usage: client.js EDGE SKU PRICE");
const client = createClient<paths>({ baseUrl: edge });
const run = `api-check-${process.pid}`;

function fail(what: string, answer: unknown): never {
  throw new Error(`${what}: ${JSON.stringify(answer)}`);
}

async function place(key: string, token: string) {
  const unit_price = Number(price);
  const { data, error, response } = await client.POST("/v1/orders", {
    params: { header: { "Idempotency-Key": `${run}-${key}` } },
    body: {
      currency: "GBP",
      lines: [{ sku: sku!, quantity: 2, unit_price }],
      adjustments: [{ type: "shipping", label: "Post", amount: 395 }],
      expected_total: 2 * unit_price + 395,
      payment: { token },
      contact: { email: "ann@example.com" },
      metadata: { run },
    },
  });
  if (!data) fail("not placed", error);
  if (response.headers.get("location") !== `/v1/orders/${data.order_id}`) fail("another location", data);
  return data.order_id;
}

async function read(id: string) {
  const { data, error } = await client.GET("/v1/orders/{id}", { params: { path: { id } } });
  if (!data) fail("not read", error);
  return data;
}

async function follow(id: string, expected: Status) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const order = await read(id);
    if (order.status === expected) return order;
    if (Date.now() > deadline) fail(`not ${expected}`, order);
    await new Promise((done) => setTimeout(done, 100));
  }
}

const first = await place("first", "tok_visa");
const repeat = await place("first", "tok_visa");
if (repeat !== first) fail("a repeat is another order", repeat);
const fulfilled = await follow(first, "fulfilled");
if (fulfilled.order?.adjustments?.[0]?.amount !== 395) fail("the order is another one", fulfilled);
if (fulfilled.order.metadata?.run !== run) fail("its metadata is another one", fulfilled);

const late = await client.POST("/v1/orders/{id}/cancel", { params: { path: { id: first }, header: { "Idempotency-Key": "any" } } });
if (late.response.status !== 409 || late.error?.type !== "/problems/not-cancellable") fail("cancelled too late", late.data);

// Its charge fails three times, which takes longer than the cancellation.
const second = await place("second", "tok_flaky_3");
await follow(second, "reserved");
const cancelled = await client.POST("/v1/orders/{id}/cancel", { params: { path: { id: second }, header: { "Idempotency-Key": "any" } } });
if (!cancelled.data) fail("not cancelled", cancelled.error);
const { reason } = await follow(second, "cancelled");
if (reason?.code !== "requested" || reason.by !== "buyer") fail("cancelled for another reason", reason);

const stock = await client.GET("/v1/stock", { params: { query: { sku: [sku, "UNKNOWN"] } } });
if (stock.data?.unknown[0] !== "UNKNOWN") fail("no stock", stock.error ?? stock.data);
const unknown = await client.GET("/v1/stock/{sku}", { params: { path: { sku: "UNKNOWN" } } });
if (unknown.error?.type !== "/problems/no-such-sku") fail("an unknown SKU has stock", unknown.data);
console.log("an order was placed, repeated, followed and cancelled by a generated client");
