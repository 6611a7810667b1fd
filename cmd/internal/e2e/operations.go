package e2e

// operations gives each theme the operations of openapi.yaml that its tests must see succeed. Together they are all of them.
func operations() map[string][]string {
	return map[string][]string{
		"cli": {
			"get /v1/config", "get /v1/config/trial", "post /v1/config/trial", "delete /v1/config/trial", "post /v1/config/trial/confirm", "get /v1/config/versions", "get /v1/homologation", "post /v1/homologation", "post /v1/config/undo", "post /v1/queue/{id}/retry", "put /v1/config",
		},
		"console": {
			"get /v1/config/schema", "get /v1/simulator", "post /v1/files/{use}", "post /v1/files/{use}/{id}/load", "delete /v1/simulator/{cloud}/{what}", "get /v1/simulator/{cloud}/{what}",
			"post /v1/simulator/{cloud}/{what}", "put /v1/simulator/{cloud}/{what}",
		},
		"contingency": {
			"post /v1/members/forget",
		},
		"load": {
			"get /v1/reconcile", "get /v1/routines", "get /v1/routines/{name}/runs", "get /v1/sales", "post /v1/routines/{name}/run",
			"post /v2/coupons-list", "post /v2/operators", "post /v2/products",
		},
		"operation": {
			"get /v1/audit", "delete /v1/console/session", "delete /v1/console/sessions/{id}", "get /v1/console/session", "get /v1/console/sessions",
			"post /v1/console/codes", "post /v1/console/session",
			"get /docs", "get /health", "get /metrics", "get /openapi.json", "get /openapi.yaml", "get /v1/doctor", "get /v1/queue", "post /v1/support-bundle",
			"get /v1/queue/{id}", "get /v1/status", "get /v1/traffic",
		},
		"payment": {
			"get /v1/boletos", "get /v1/boletos/unmatched", "get /v1/boletos/{nosso_numero}", "get /v1/boletos/{nosso_numero}/pdf",
			"get /v1/events", "get /v1/invoices", "get /v1/invoices/{id}/payment-data", "get /v1/invoices/{id}/pdf",
			"get /v1/invoices/{id}/pix-status", "get /v1/orders", "get /v1/orders/payment-options", "get /v1/orders/{id}",
			"get /v1/payments", "get /v1/payments/{id}", "get /v1/payments/{id}/qr.png", "get /v1/titles/customers/{cpf}",
			"get /v1/titles/products", "get /v1/titles/promotions/{product}", "get /v1/titles/promotions/{product}/regulation",
			"get /v1/titles/sales/{id}", "post /v1/boletos", "post /v1/boletos/decode", "post /v1/boletos/{nosso_numero}/resolve",
			"post /v1/boletos/{nosso_numero}/write-off", "post /v1/invoices/email", "post /v1/invoices/{id}/payments",
			"post /v1/orders", "post /v1/orders/{id}/resolve", "post /v1/payments", "post /v1/payments/{id}/cancel",
			"post /v1/payments/{id}/resolve", "post /v1/titles/sales",
		},
		"sale": {
			"get /v1/queue/{id}/text", "get /v1/sales/{id}", "post /v1/queue/{id}/discard", "post /v2.2/transaction/apply", "post /v2.2/transaction/cancel",
			"post /v2.2/transaction/confirm", "post /v2.2/transaction/message", "post /v2.2/transaction/pre-apply",
			"post /v2.2/transaction/start", "post /v2/coupons", "post /v2/coupons-cancellation", "post /v2/transaction/apply",
			"post /v2/transaction/cancel", "post /v2/transaction/confirm", "post /v2/transaction/message",
			"post /v2/transaction/start", "put /v1/queue/{id}/body",
		},
	}
}
