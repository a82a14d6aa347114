// The exchange: every second new prices for all, by the mock server's control API.
//   node feed.mjs http://127.0.0.1:PORT/control

const control = process.argv[2];
if (!control?.startsWith('http')) {
  console.error('usage: node feed.mjs CONTROL_URL\nCONTROL_URL is the second line that gatepass-mock-server prints');
  process.exit(2);
}

const prices = { ACME: 128.4, CYBR: 71.95, HOOL: 342.1, INIT: 18.3, WAYN: 507.75 };

async function tick() {
  for (const symbol of Object.keys(prices)) prices[symbol] *= 1 + (Math.random() - 0.495) / 80;
  const quotes = Object.entries(prices).map(([symbol, price]) => ({ symbol, price: Number(price.toFixed(2)) }));
  const command = { do: 'publish', room: 'market', text: quotes };
  try {
    await fetch(control, { method: 'POST', body: JSON.stringify(command) });
  } catch (error) {
    console.error(`the control API does not answer: ${error.cause?.message ?? error}`);
    process.exit(1);
  }
}

setInterval(tick, 1_000);
