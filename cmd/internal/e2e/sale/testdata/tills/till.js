// A till that sells 200 times, in JavaScript's numbers and JSON.stringify, which writes 4.9499999999999975.
// node till.js NAME DATE: prints how many sales it made, and their gross, net and paid sums. README.md has the sales.
const [name, date] = process.argv.slice(2);

async function call(path, body) {
  const answer = await fetch(process.env.PDVAGENT_URL + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', Authorization: 'Bearer ' + process.env.PDVAGENT_TOKEN },
  });
  const text = await answer.text();
  if (!answer.ok) {
    console.error(path, JSON.stringify(body), text);
    process.exit(1);
  }
  return JSON.parse(text);
}

const cents = (value) => Math.round(value * 100) / 100;

function line(sku, quantity, price, total) {
  return {
    sku, ean: '20000' + sku, product_name: 'PRODUTO ' + sku, quantity, packing_quantity: 1,
    unit_value: price, total_value: total, total_value_with_discount: total,
  };
}

function basket(i) {
  const quantity = 1 + (i % 5), price = [10.0, 5.49, 3.33, 29.9, 0.99, 7.15][i % 6];
  const lines = [line('90' + (i % 6), quantity, price, cents(quantity * price))];
  if (i % 2 === 0) { // weighed
    const kilos = 0.305 + (i % 40) * 0.025;
    lines.push(line('411', kilos, 39.9, i % 10 === 6 ? kilos * 39.9 : cents(kilos * 39.9)));
  }
  if (i % 3 === 0) { // the scale's label says what it costs
    const label = (350 + ((i * 37) % 4000)) / 100;
    lines.push(line('2411', label / 89.9, 89.9, label));
  }
  if (i % 17 === 5) lines.push(line('77', 1, -0.5, -0.5)); // a bottle comes back
  if (i % 4 === 1) lines[0].total_value_with_discount = cents(lines[0].total_value * 0.93);
  if (i % 4 === 2) lines[0].total_value_with_discount -= 0.4;
  return lines;
}

function tenders(i, due) {
  const half = cents(due / 2);
  switch (i % 5) {
    case 0:
      return [{ payment_form: 'debit', amount: half }, { payment_form: 'cash', amount: 50 + due - half }, { payment_form: 'change', amount: -50 }];
    case 1:
      return [{ payment_form: 'pix', amount: due }];
    case 2:
      return [{ payment_form: 'cash', amount: Math.ceil(due / 50) * 50 }];
    case 3: // in three instalments, for 3 % more
      return [{ payment_form: 'credit', amount: cents(due * 1.03), instalments: 3 }];
  }
  return [{ payment_form: 'cash', amount: due }];
}

async function main() {
  let gross = 0, net = 0, paid = 0, i = 0;
  for (; i < 200; i++) {
    const document = ['52998224725', '11222333000181', ''][i % 3];
    const start = await call('/v2/transaction/start', { document_no: document });
    const id = start.transaction_id, who = { transaction_id: id, client_id: start.loyalty ? document : '0', origin: 'pdv' };
    const lines = basket(i);
    const apply = await call('/v2/transaction/apply', { ...who, items: lines });
    await call('/v2/transaction/confirm', { transaction_id: id });
    lines.forEach((sold, k) => { sold.total_value_with_discount = cents(Number(apply.agent.lines[k].total)); });
    if (i % 10 === 9) lines[0].total_value_with_discount += 1.1; // the surcharge stands in the receipt
    const total = lines.reduce((sum, sold) => sum + sold.total_value, 0);
    let due = lines.reduce((sum, sold) => sum + sold.total_value_with_discount, 0);
    if (i % 10 === 8) due -= 0.3; // a discount on the whole receipt stands in no line
    const cashback = Number(apply.payment_discount?.discount_value ?? 0), payments = tenders(i, due - cashback);
    if (cashback > 0) payments.push({ payment_form: 'cashback', amount: cashback });
    await call('/v2/coupons', {
      ...who, coupon: `${name}-${i}`, date, time: '19:12:46', items: lines, payments,
      total_value: total, total_value_with_discount: due, pdv_code: name, operator_id: '0123',
    });
    gross += total;
    net += due;
    paid = payments.reduce((sum, tender) => sum + tender.amount, paid);
  }
  console.log(`${i} ${gross.toFixed(4)} ${net.toFixed(4)} ${paid.toFixed(4)}`);
}

main();
