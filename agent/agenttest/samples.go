package agenttest

import "testing"

// Samples are the bodies of contracts and manuals, the malformed ones as they stand there too, and what clouds and tills
// have been seen to send instead of one: the seeds of every fuzz target that reads such bytes.
func Samples() []string {
	return append([]string{
		Receipt("001-20260514-191246-0123-012-000045871", "79a8bc0a-e8b8-41b2-ba86-91b9763f5d75"),
		`{"document_no":"52998224725"}`,
		`{"transaction_context":{"document_no":"52998224725","phone":""},"transaction_id":""}`,
		`{"loyalty":false,"user":{"document_no":"12345678901"},"transaction_id":"79a8bc0a-e8b8-41b2-ba86-91b9763f5d75","message":{"text":"Cadastro não encontado. Realizar pré-cadastro?.","responses":[{"button":"Sim","tag":"aceitou-pre-cadastro","text_next_window":"Digite celular com DDD","input_next_window":true},{"button":"Nao","tag":"nao-aceitou-pre-cadastro","text_next_window":"","input_next_window":false}]},"requestId":"3fa85f64-5717-4562-b3fc-2c963f66afa6","datetime":"2021-02-24 12:36:37"}`,
		`{"loyalty":true,"user":{"name":"Cliente Teste","document_no":"12345678910","birth_date":"2011-10-01"},"transaction_id":"T","message":{"text":"Aproveite ofertas exclusivas!","qr_code_next_window":{"url":"http://example.com/qrcode2.png"},"responses":[]}}`,
		`{"transaction_id":"T","document_no":"12345678901","message_tag":"aceitou-pre-cadastro","input_value":"41987762038"}`,
		`{"transaction_id":"T","tag":"sim-1","input_value":""}`,
		`{"should_display_message":true,"message":{"text":"?","input":1,"responses":[{"button":"a","tag":"b","end_message_flow":true}]}}`,
		`{"transaction_id":"T","client_id":"0","origin":"pdv","items":[{"sku":"80215","ean":"7890000000017","quantity":3,"packing_quantity":1,"total_value":30.00},{"sku":411,"ean":2000411000000,"quantity":"1.235","total_value":"36.93","total_value_with_discount":36.930}]}`,
		`{"transaction_id":"79a8bc0a-e8b8-41b2-ba86-91b9763f5d75","items":[{"sku":"80215","ean":"7890000000017","quantity":3,"total_value_without_discount":"30.000","discount_value":"10.000","total_value_with_discount":"20.000"},{"sku":"411","ean":"2000411000000","quantity":1.235,"total_value_without_discount":36.927,"discount_value":0,"total_value_with_discount":36.927}],"absolute":{"discount_value":5.00},"payment_discount":null}`,
		`{"items":null,"message":{},"should_display_message":false}`,
		`{"coupon":"001-20260514-191246-0123-012-000045871"}`,
		`{"statusCode":422,"message":"client_id 529.982.247-25 inválido"}`,
		`{"coupons":[{"coupon":"A"},{"coupon":"B"}]}`, `[{"sku":"1","ean":"1","name":"CAFE"}]`,
	}, malformed()...)
}

// malformed are the manual's own samples with their trailing commas, comments, missing comma and doubled key, and answers
// that are none.
func malformed() []string {
	return []string{
		"{\n\"button\": \"Sim\",\n\"tag\": \"aceitou-pre-cadastro\",\n\"input_next_window\": true,\n}",
		"{\n\"button\": \"Nao\"\n\"tag\": \"nao-aceitou-pre-cadastro\",\n\"text_next_window\": \"\", // sem próxima janela\n}",
		`{"responses":[{"button":"Sim","tag":"aceitou","button":"Nao","tag":"nao-aceitou"}]}`,
		`{"transaction_id":"T","document_no":"12345678901","message_tag":"aceitou",}`,
		"<html><body>Acesse a rede da loja</body></html>", "\xef\xbb\xbf{}", "{\"name\":\"Jos\xe9\"}", "null", "", "1e999", `"\ud800"`, `{"":""}`,
		`{"transaction_id":{"transaction_id":1}}`, `{"items":[{"quantity":"1.2345","total_value":-0.0}],"payments":{}}`, `[[[[[[]]]]]]`,
	}
}

// Seed adds every sample to a fuzz target that reads a body.
func Seed(f *testing.F) {
	f.Helper()
	for _, sample := range Samples() {
		f.Add([]byte(sample))
	}
}
