package api

import (
	"errors"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/till/web"
	"pdvagent/payments"
)

// refusal is the table from the codes of the use cases to HTTP (till-api.md section 1). Package web has the codes of the
// chain.
func refusal(code agent.Code) (web.Refusal, bool) {
	switch code {
	case agent.CodeInvalid:
		return web.Refusal{Status: http.StatusUnprocessableEntity, Origin: "till", Retry: "never"}, true
	case agent.CodeConflict, agent.CodeDialectMixed, agent.CodeNotPrimary:
		return web.Refusal{Status: http.StatusConflict, Origin: "till", Retry: "never"}, true
	case agent.CodeChanged:
		return web.Refusal{Status: http.StatusPreconditionFailed, Origin: "till", Retry: "never"}, true
	case agent.CodeNoKey:
		return web.Refusal{Status: http.StatusBadRequest, Origin: "till", Retry: "never"}, true
	case agent.CodeCloudAway:
		return web.Refusal{Status: http.StatusServiceUnavailable, Origin: "network", Retry: "later"}, true
	case agent.CodeInFlight:
		return web.Refusal{Status: http.StatusConflict, Origin: "agent", Retry: "same-key"}, true
	case agent.CodeUnknownSession:
		return web.Refusal{Status: http.StatusNotFound, Origin: "till", Retry: "never"}, true
	case agent.CodeNotConfigured:
		return web.Refusal{Status: http.StatusNotFound, Origin: "agent", Retry: "never"}, true
	case agent.CodeStoreFull:
		return web.Refusal{Status: http.StatusInsufficientStorage, Origin: "agent", Retry: "later"}, true
	case agent.CodeStoreFailed:
		return web.Refusal{Status: http.StatusServiceUnavailable, Origin: "agent", Retry: "same-key"}, true
	}
	return web.Refusal{}, false
}

// problem answers with a refusal; job names the job that keeps the refused body, or is empty.
func problem(w http.ResponseWriter, r *http.Request, err error, job string) {
	if _, ok := errors.AsType[*agent.Error](err); !ok {
		err = agent.ForTill(err)
	}
	refuse := refusal
	if e, ok := errors.AsType[*agent.Error](err); ok && e.Code == agent.CodeCloudRefused {
		refuse = func(agent.Code) (web.Refusal, bool) {
			return web.Refusal{Status: e.Status, Origin: "cloud", Retry: "never"}, true
		}
	}
	web.Problem(w, r, err, refuse, job)
}

// errNotConfigured is the refusal of a route whose part is off.
func errNotConfigured(text string) error {
	return agent.Errorf(agent.CodeNotConfigured, nil, "%s", text)
}

// vendorRefusal translates a vendor's failure for the till.
func vendorRefusal(err error, vendor string) error {
	f := payments.FailureOf(err)
	words := f.Words(vendor)
	switch f.Class {
	case payments.NotFound:
		return agent.Errorf(agent.CodeNotFound, err, "%s", words)
	case payments.Declined, payments.Unauthorized:
		e := agent.Errorf(agent.CodeCloudRefused, err, "%s", words)
		if e.Status = http.StatusUnprocessableEntity; f.Class == payments.Unauthorized {
			e.Status = http.StatusBadGateway
		}
		return e
	}
	return agent.Errorf(agent.CodeCloudAway, err, "%s", words)
}

// refusalFrom translates an error of a use case, of its vendor or of the store for the till.
func refusalFrom(vendor string, err error) error {
	if _, ok := errors.AsType[*agent.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*payments.Failure](err); ok {
		return vendorRefusal(err, vendor)
	}
	return agent.ForTill(err)
}
