<?php
// Uma venda inteira pelo pdvagent: PHP 8, sem extensões. Uso: PDVAGENT_TOKEN=... php venda.php CUPOM [CPF]
// Dinheiro em centavos inteiros, escrito como texto: nunca em ponto flutuante.
$items = [
    ['sku' => '80215', 'ean' => '7890000000017', 'product_name' => 'CAFE 500G', 'quantity' => '3', 'packing_quantity' => '1', 'unit_value' => '10.00', 'total_value' => '30.00'],
    ['sku' => '411', 'ean' => '2000411000000', 'product_name' => 'QUEIJO KG', 'quantity' => '1.235', 'packing_quantity' => '1', 'unit_value' => '29.90', 'total_value' => '36.93'],
];

function api(string $path, array $body): array
{
    $answer = file_get_contents((getenv('PDVAGENT_URL') ?: 'http://127.0.0.1:8780') . $path, false, stream_context_create(['http' => [
        'method' => 'POST', 'timeout' => 35, 'ignore_errors' => true, 'content' => json_encode($body),
        'header' => "Content-Type: application/json\r\nAuthorization: Bearer " . getenv('PDVAGENT_TOKEN'),
    ]]));
    if ($answer === false) {
        exit("O pdvagent não responde.\n");
    }
    $decoded = json_decode($answer, true);
    if ((int) explode(' ', $http_response_header[0])[1] >= 300) { // problem+json: detail é a frase para o operador
        fwrite(STDERR, $decoded['detail'] . "\n");
        exit(1);
    }
    return $decoded;
}

// Enquanto a nuvem tiver o que dizer: mostra, pergunta e responde. Enter ou fim da entrada: a venda segue sem responder.
function talk(array $answer, string $session): void
{
    while (!empty($answer['should_display_message'])) {
        $message = $answer['message'] ?? [];
        $buttons = $message['responses'] ?? [];
        echo $message['text'] ?? '', "\n";
        foreach ($buttons as $n => $button) {
            echo $n + 1, ' = ', $button['button'], "\n";
        }
        if (!$buttons && empty($message['input'])) {
            return; // um aviso: nada a responder
        }
        $typed = !empty($message['input']) ? trim((string) fgets(STDIN)) : '';
        $choice = $buttons ? (int) fgets(STDIN) : 0;
        if ($buttons && $choice < 1) {
            return;
        }
        $button = $buttons[$choice - 1] ?? ['tag' => ''];
        $answer = api('/v2.2/transaction/message', ['transaction_id' => $session, 'tag' => $button['tag'], 'input_value' => $typed]);
        if (!empty($button['end_message_flow'])) {
            return;
        }
    }
}

// Um valor da nuvem como o caixa o cobra: em centavos, o meio centavo para cima.
function cents(string $text): int
{
    [$whole, $part] = explode('.', ltrim($text, '-') . '.') + ['', ''];
    $cents = intdiv((int) $whole * 1000 + (int) substr($part . '000', 0, 3) + 5, 10);
    return $text[0] === '-' ? -$cents : $cents;
}

function text(int $cents): string
{
    return ($cents < 0 ? '-' : '') . intdiv(abs($cents), 100) . '.' . str_pad((string) (abs($cents) % 100), 2, '0', STR_PAD_LEFT);
}

$document = $argv[2] ?? '52998224725';
$start = api('/v2.2/transaction/start', ['transaction_context' => ['document_no' => $document, 'phone' => ''], 'transaction_id' => '']);
$session = $start['transaction_id'];
$client = !empty($start['loyalty']) ? $document : '0';
talk($start, $session);
talk(api('/v2.2/transaction/pre-apply', ['transaction_id' => $session, 'origin' => 'pdv', 'items' => $items]), $session);
$apply = api('/v2.2/transaction/apply', ['transaction_id' => $session]);
api('/v2.2/transaction/confirm', ['transaction_id' => $session]);

// agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento
$total = 0;
foreach ($apply['agent']['lines'] as $i => $line) {
    $items[$i]['total_value_with_discount'] = text(cents($line['total']));
    $total += cents($line['total']);
}
$cashback = cents((string) ($apply['payment_discount']['discount_value'] ?? '0'));
$payments = [['payment_form' => 'cash', 'amount' => text($total - $cashback), 'instalments' => 1]];
if ($cashback > 0) {
    $payments[] = ['payment_form' => 'cashback', 'amount' => text($cashback), 'instalments' => 1];
}
echo json_encode(api('/v2/coupons', [
    'transaction_id' => $session, 'client_id' => $client, 'coupon' => $argv[1], 'date' => '2026-05-14', 'time' => '19:12:46',
    'items' => $items, 'payments' => $payments, 'total_value' => '66.93', 'total_value_with_discount' => text($total),
    'origin' => 'pdv', 'pdv_code' => '012', 'operator_id' => '0123',
])), "\n";
