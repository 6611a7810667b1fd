<?php
// A till that sells 200 times, in PHP's floats and json_encode with serialize_precision 17, which writes 0.28999999999999998.
// php till.php NAME DATE: prints how many sales it made, and their gross, net and paid sums. README.md has the sales.
ini_set('serialize_precision', '17');
[, $name, $date] = $argv;

function call(string $path, array $body): array
{
    $answer = file_get_contents(getenv('PDVAGENT_URL') . $path, false, stream_context_create(['http' => [
        'method' => 'POST', 'ignore_errors' => true, 'content' => json_encode($body),
        'header' => "Content-Type: application/json\r\nAuthorization: Bearer " . getenv('PDVAGENT_TOKEN'),
    ]]));
    if ((int) explode(' ', $http_response_header[0])[1] >= 300) {
        fwrite(STDERR, $path . ' ' . json_encode($body) . "\n" . $answer . "\n");
        exit(1);
    }
    return json_decode($answer, true);
}

function line(string $sku, float $quantity, float $price, float $total): array
{
    return ['sku' => $sku, 'ean' => '20000' . $sku, 'product_name' => 'PRODUTO ' . $sku, 'quantity' => $quantity, 'packing_quantity' => 1,
        'unit_value' => $price, 'total_value' => $total, 'total_value_with_discount' => $total];
}

function basket(int $i): array
{
    $price = [10.00, 5.49, 3.33, 29.90, 0.99, 7.15][$i % 6];
    $lines = [line('90' . $i % 6, 1 + $i % 5, $price, round((1 + $i % 5) * $price, 2))];
    if ($i % 2 == 0) { // weighed
        $kilos = 0.305 + $i % 40 * 0.025;
        $lines[] = line('411', $kilos, 39.90, $i % 10 == 6 ? $kilos * 39.90 : round($kilos * 39.90, 2));
    }
    if ($i % 3 == 0) { // the scale's label says what it costs
        $label = (350 + $i * 37 % 4000) / 100;
        $lines[] = line('2411', $label / 89.90, 89.90, $label);
    }
    if ($i % 17 == 5) { // a bottle comes back
        $lines[] = line('77', 1, -0.50, -0.50);
    }
    if ($i % 4 == 1) {
        $lines[0]['total_value_with_discount'] = round($lines[0]['total_value'] * 0.93, 2);
    } elseif ($i % 4 == 2) {
        $lines[0]['total_value_with_discount'] -= 0.40;
    }
    return $lines;
}

function tenders(int $i, float $due): array
{
    $given = ceil($due / 50) * 50;
    switch ($i % 5) {
        case 0:
            $half = round($due / 2, 2);
            return [['payment_form' => 'debit', 'amount' => $half], ['payment_form' => 'cash', 'amount' => 50 + $due - $half],
                ['payment_form' => 'change', 'amount' => -50.0]];
        case 1:
            return [['payment_form' => 'pix', 'amount' => $due]];
        case 2:
            return [['payment_form' => 'cash', 'amount' => $given]];
        case 3: // in three instalments, for 3 % more
            return [['payment_form' => 'credit', 'amount' => round($due * 1.03, 2), 'instalments' => 3]];
    }
    return [['payment_form' => 'cash', 'amount' => $due]];
}

$gross = $net = $paid = 0.0;
for ($i = 0; $i < 200; $i++) {
    $document = ['52998224725', '11222333000181', ''][$i % 3];
    $start = call('/v2/transaction/start', ['document_no' => $document]);
    $who = ['transaction_id' => $start['transaction_id'], 'client_id' => $start['loyalty'] ? $document : '0', 'origin' => 'pdv'];
    $lines = basket($i);
    $apply = call('/v2/transaction/apply', $who + ['items' => $lines]);
    call('/v2/transaction/confirm', ['transaction_id' => $who['transaction_id']]);
    $total = $due = 0.0;
    foreach ($lines as $k => $line) {
        $lines[$k]['total_value_with_discount'] = round((float) $apply['agent']['lines'][$k]['total'], 2);
        $total += $line['total_value'];
        $due += $lines[$k]['total_value_with_discount'];
    }
    if ($i % 10 == 9) { // the surcharge stands in the receipt
        $lines[0]['total_value_with_discount'] += 1.10;
        $due += 1.10;
    }
    if ($i % 10 == 8) { // a discount on the whole receipt stands in no line
        $due -= 0.30;
    }
    $cashback = (float) ($apply['payment_discount']['discount_value'] ?? 0);
    $payments = tenders($i, $due - $cashback);
    if ($cashback > 0) {
        $payments[] = ['payment_form' => 'cashback', 'amount' => $cashback];
    }
    call('/v2/coupons', $who + ['coupon' => sprintf('%s-%03d', $name, $i), 'date' => $date, 'time' => '19:12:46', 'items' => $lines,
        'payments' => $payments, 'total_value' => $total, 'total_value_with_discount' => $due, 'pdv_code' => $name, 'operator_id' => '0123']);
    $gross += $total;
    $net += $due;
    $paid += array_sum(array_column($payments, 'amount'));
}
printf("%d %.4f %.4f %.4f\n", $i, $gross, $net, $paid);
